/** Output of user code as lines: bounded in length and in rate, and what is dropped is counted and said. */
export const outputLimits = {
  lineBytesMax: 8_192,
  linesPerSecondMax: 2_000,
} as const;

/** Takes chunks, gives lines. Over the rate, lines are dropped and one line says how many. */
export function lineReader(
  onLine: (text: string) => void,
  nowMs = () => performance.now(),
): (chunk: Buffer) => void {
  let rest = "";
  let skipping = false;
  let second = 0;
  let lines = 0;
  let dropped = 0;
  const say = (text: string): void => {
    const now = Math.floor(nowMs() / 1_000);
    if (now !== second) {
      if (dropped > 0)
        onLine(`… ${dropped} lines dropped: more than ${outputLimits.linesPerSecondMax} in a second`);
      second = now;
      lines = 0;
      dropped = 0;
    }
    lines++;
    if (lines > outputLimits.linesPerSecondMax) dropped++;
    else onLine(text);
  };
  return (chunk) => {
    const parts = (rest + chunk.toString("utf8")).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      if (skipping) skipping = false;
      else
        say(part.length > outputLimits.lineBytesMax ? `${part.slice(0, outputLimits.lineBytesMax)}…` : part);
    }
    if (rest.length <= outputLimits.lineBytesMax) return;
    // A line without an end must not fill the memory: its head is shown, the rest is passed over.
    if (!skipping) say(`${rest.slice(0, outputLimits.lineBytesMax)}…`);
    skipping = true;
    rest = "";
  };
}
