/** The spellings of a secret that are looked for in text. */

/** Shorter encoded forms would hide innocent text. */
const encodedLengthMin = 8;
/** What Node prints of a buffer, in bytes. */
const inspectedBytesMax = 50;
/** Lines in which base64 is often written: by `base64` and mail, and in PEM files. */
const wraps = [76, 64] as const;

/**
 * The value plain, line by line, JSON-escaped (also twice), as code prints it, URL-encoded, in base64 and
 * base64url at any offset, and in hex.
 */
export function formsOf(value: string): string[] {
  const base64 = base64Forms(value).flatMap((form) => [form, base64url(form)]);
  const encoded = [...base64, ...base64.map(percentOfBase64), ...wrapped(value), ...hexForms(value)];
  const forms = [
    value,
    ...linesOf(value),
    ...escapedForms(value),
    ...percentForms(value),
    ...encoded.filter((form) => form.length >= encodedLengthMin),
  ];
  return [...new Set(forms)];
}

/** A key in PEM form is often printed line by line. */
function linesOf(value: string): string[] {
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  return lines.length < 2 ? [] : lines.filter((line) => line.length >= 8 && !line.startsWith("-----"));
}

function escapedForms(value: string): string[] {
  const json = inside(value);
  const ascii = json.replace(/[^\x20-\x7e]/g, (letter) => hex4(letter.charCodeAt(0)));
  const printed = json.replaceAll('\\"', '"').replaceAll("'", "\\'");
  const html = value
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
  return [json, inside(json), ascii, printed, html, html.replaceAll("'", "&#39;")];
}

function inside(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function hex4(code: number): string {
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

function percentForms(value: string): string[] {
  if (!value.isWellFormed()) return [];
  const upper = encodeURIComponent(value);
  const strict = upper.replace(/[!'()*~]/g, (letter) => `%${hexOf(letter).toUpperCase()}`);
  const lower = (text: string): string => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  return [upper, strict].flatMap((text) => [text, lower(text), text.replaceAll("%20", "+")]);
}

/** What base64 shows of a value at each of the three places it can take among groups of three bytes. */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value, "utf8");
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const start = shift === 0 ? 0 : shift + 1;
    const whole = (shift + bytes.length) % 3 === 0;
    return text.slice(start, whole ? undefined : -1);
  });
  return [bytes.toString("base64"), ...shifted];
}

function base64url(text: string): string {
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function percentOfBase64(text: string): string {
  return text.replaceAll("+", "%2B").replaceAll("/", "%2F").replaceAll("=", "%3D");
}

function wrapped(value: string): string[] {
  const text = Buffer.from(value, "utf8").toString("base64");
  return wraps.flatMap((width) => {
    if (text.length <= width) return [];
    const lines = Math.ceil(text.length / width);
    return Array.from({ length: lines }, (_, n) => text.slice(n * width, (n + 1) * width));
  });
}

function hexForms(value: string): string[] {
  const lower = hexOf(value);
  const pairs = lower.match(/../g) ?? [];
  const spaced = (separator: string): string => pairs.slice(0, inspectedBytesMax).join(separator);
  const forms = [lower, spaced(" "), spaced(":")];
  return [...forms, ...forms.map((form) => form.toUpperCase())];
}

function hexOf(text: string): string {
  return Buffer.from(text, "utf8").toString("hex");
}
