/** One record a line. The last line may be cut short: whoever wrote it was killed. */
export function parseLines<T>(text: string): T[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as T];
    } catch {
      return [];
    }
  });
}
