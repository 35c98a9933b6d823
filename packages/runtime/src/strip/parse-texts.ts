/** What the stripping process and its caller say to each other: texts, null where there is none. */
export function parseTexts(text: string): readonly (string | null)[] {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) throw new TypeError("not an array of texts");
  return value.map((one: unknown) => (typeof one === "string" ? one : null));
}
