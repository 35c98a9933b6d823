/** One log line for a person, from its JSON form; what could move a terminal's cursor is shown, not sent. */
export function formatText(line: string): string {
  const record: unknown = JSON.parse(line);
  if (!isObject(record)) return escapeControls(line);
  const { at, level, source, name, message, fields, ...rest } = Object.fromEntries(Object.entries(record));
  const who = [source, name].filter((part) => part !== undefined).join("/");
  const ids = Object.entries(rest).filter(([key]) => key !== "v" && key !== "kind");
  const pairs = [...ids, ...Object.entries(isObject(fields) ? fields : {})];
  const tail = pairs.map(
    ([key, value]) => ` ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return escapeControls(`${at} ${String(level).padEnd(5)} ${who} ${message}${tail.join("")}`);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

// C0, DEL, C1, soft hyphen, zero-width characters, line separators and all that turns the direction of text.
const hostile = new RegExp(
  "[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]",
  "g",
);

/** Text with every control, zero-width and bidirectional character written out: none acts on a terminal. */
export function escapeControls(text: string): string {
  return text.replace(hostile, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
  });
}

/** The same for text that is JSON already: there `\u009b` is both visible and valid. */
export function escapeControlsInJson(json: string): string {
  return json.replace(hostile, (char) => `\\u${hex(char.charCodeAt(0), 4)}`);
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
