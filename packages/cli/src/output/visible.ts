/**
 * Text from outside on its way to a terminal: what could move the cursor, change colours, set a title, write
 * to the clipboard or turn letters around is shown as an escape instead of being obeyed.
 */
export function visible(text: string): string {
  return text.replace(unsafe, (letters) => Array.from(letters, escaped).join(""));
}

/** As `visible`, for JSON text: the same characters as `\u` escapes, so that it stays the same JSON. */
export function visibleJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent) ?? "null";
  return text.replace(unsafeInJson, (letters) => Array.from(letters, escapedInJson).join(""));
}

// Control characters, marks that reorder text, line separators, invisible joiners, tags, halves of pairs.
const marks =
  "\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb" +
  "\\u{e0000}-\\u{e0fff}\\ud800-\\udfff";
const unsafe = new RegExp(`[\\u0000-\\u001f\\u007f-\\u009f${marks}]`, "gu");
const unsafeInJson = new RegExp(`[\\u007f-\\u009f${marks}]`, "gu");

const short = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

function escaped(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code <= 0xff) return short.get(letter) ?? `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\u{${hex}}`;
}

function escapedInJson(letter: string): string {
  let text = "";
  for (let i = 0; i < letter.length; i++) text += `\\u${letter.charCodeAt(i).toString(16).padStart(4, "0")}`;
  return text;
}
