import type { Stop } from "../clock.ts";

/**
 * Values that may never leave the process, in any spelling we know: plain, JSON-escaped, URL-encoded, base64
 * and base64url, the last two also inside a longer encoded text (as in a Basic header).
 */
export interface Secrets {
  /**
   * Hides a value from now on, until the returned function is called. Values under 4 characters are not
   * hidden: they occur by chance, and a log without them would tell what they are.
   */
  register(value: string): Stop;
  redact(text: string): string;
}

export const redacted = "[redacted]";
const valueLengthMin = 4;
/** Shorter encoded forms would hide innocent text. */
const encodedLengthMin = 8;

export function createSecrets(): Secrets {
  const held = new Map<string, number>();
  let pattern: RegExp | undefined;
  const rebuild = (): void => {
    const forms = new Set([...held.keys()].flatMap(formsOf));
    // The longest first, so that no form leaves the rest of a longer one behind.
    const sorted = [...forms].sort((a, b) => b.length - a.length).map(escapePattern);
    pattern = sorted.length === 0 ? undefined : new RegExp(sorted.join("|"), "g");
  };
  const forget = (value: string): void => {
    const count = (held.get(value) ?? 0) - 1;
    if (count > 0) held.set(value, count);
    else held.delete(value);
    rebuild();
  };
  return {
    register(value) {
      if (value.length < valueLengthMin) return () => {};
      held.set(value, (held.get(value) ?? 0) + 1);
      rebuild();
      let done = false;
      return () => {
        if (!done) forget(value);
        done = true;
      };
    },
    redact: (text) => (pattern === undefined ? text : text.replace(pattern, redacted)),
  };
}

const secretKey = new RegExp(
  "^(authorization|proxy-authorization|cookie|set-cookie)$|" +
    "(secret|password|passwd|passphrase|api[-_]?key|private[-_]?key|access[-_]?key|credentials?)$|" +
    "(^|[-_a-z])token$|(^|[-_a-z])jwt$",
  "i",
);

/** Keys are few and come again and again; asking the pattern each time costs more than writing the line. */
const verdicts = new Map<string, boolean>();
const verdictsMax = 1_000;

/** Whether a key's name says that its value is a secret. (`tokens`, a count, is none.) */
export function isSecretKey(key: string): boolean {
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  const verdict = secretKey.test(key);
  if (verdicts.size < verdictsMax) verdicts.set(key, verdict);
  return verdict;
}

function formsOf(value: string): string[] {
  const percent = percentForms(value);
  const encoded = base64Forms(value).flatMap((form) => [form, base64url(form)]);
  const long = encoded.filter((form) => form.length >= encodedLengthMin);
  return [value, JSON.stringify(value).slice(1, -1), ...linesOf(value), ...percent, ...long];
}

/** A key in PEM form is often printed line by line. */
function linesOf(value: string): string[] {
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  return lines.length < 2 ? [] : lines.filter((line) => line.length >= 16);
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function percentForms(value: string): string[] {
  if (!value.isWellFormed()) return [];
  const upper = encodeURIComponent(value);
  const lower = upper.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  return [upper, lower, upper.replaceAll("%20", "+")];
}

/** What base64 shows of a value at each of the three places it can take among groups of three bytes. */
function base64Forms(value: string): string[] {
  const bytes = Buffer.from(value, "utf8");
  const inside = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const start = shift === 0 ? 0 : shift + 1;
    const whole = (shift + bytes.length) % 3 === 0;
    return text.slice(start, whole ? undefined : -1);
  });
  return [bytes.toString("base64"), ...inside];
}

function base64url(text: string): string {
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
