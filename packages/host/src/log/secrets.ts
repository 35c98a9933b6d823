import type { Json } from "@agentflow/protocol";
import type { Stop } from "../clock.ts";
import { formsOf } from "./secret-forms.ts";
import { SecretMatcher } from "./secret-matcher.ts";

/**
 * Values that may never leave the process, in any spelling we know: plain, escaped, URL-encoded, base64 (also
 * inside a longer encoded text, as in a Basic header), hex.
 */
export interface Secrets {
  /**
   * Hides a value from now on, until the returned function is called. Values under 4 characters are not
   * hidden: they occur by chance, and a log without them would tell what they are.
   */
  register(value: string): Stop;
  redact(text: string): string;
  /** Nothing is hidden: whoever looks through much may leave it. */
  isEmpty(): boolean;
  /** As `redact`, for text that was cut at its end: also hides the beginning of a value that stands there. */
  redactCut(text: string): string;
  /** For text that comes in pieces. */
  stream(): StreamRedactor;
}

/** Redacts text whose secrets may be cut by the borders of its pieces. */
export interface StreamRedactor {
  /** What may be shown now: the end is held back as long as it could be the beginning of a secret. */
  push(piece: string): string;
  /** What was held back: nothing follows. */
  end(): string;
}

export const redacted = "[redacted]";
/** Shorter values are not hidden. */
export const maskedLengthMin = 4;

export function createSecrets(): Secrets {
  const held = new Map<string, number>();
  let matcher: SecretMatcher | undefined;
  // Built when it is needed: many values come at once.
  const current = (): SecretMatcher => (matcher ??= new SecretMatcher([...held.keys()].flatMap(formsOf)));
  const redact = (text: string): string => current().scan(text, { mark: redacted, more: false }).out;
  const forget = (value: string): void => {
    const count = (held.get(value) ?? 0) - 1;
    if (count > 0) held.set(value, count);
    else held.delete(value);
    matcher = undefined;
  };
  return {
    register(value) {
      if (value.length < maskedLengthMin) return () => {};
      const count = held.get(value) ?? 0;
      held.set(value, count + 1);
      if (count === 0) matcher = undefined;
      let done = false;
      return () => {
        if (!done) forget(value);
        done = true;
      };
    },
    redact,
    isEmpty: () => held.size === 0,
    redactCut(text) {
      const { out, rest } = current().scan(text, { mark: redacted, more: true });
      return rest.length < maskedLengthMin ? out + rest : out + redacted;
    },
    stream: () => streamRedactor(current, redact),
  };
}

function streamRedactor(current: () => SecretMatcher, redact: (text: string) => string): StreamRedactor {
  let held = "";
  return {
    push(piece) {
      const { out, rest } = current().scan(held + piece, { mark: redacted, more: true });
      held = rest;
      return out;
    },
    end() {
      const last = redact(held);
      held = "";
      return last;
    },
  };
}

/** The same data with every string and every name in it redacted; a number that is a secret becomes text. */
export function redactJson(value: Json, secrets: Pick<Secrets, "redact">): Json {
  if (typeof value === "string") return secrets.redact(value);
  if (typeof value === "number") return redactNumber(value, secrets);
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return value.map((item) => redactJson(item, secrets));
  return redactFields(value, secrets);
}

const hiddenDigitsMin = 6;

/** A number that is a secret as a whole, such as a phone's code; a count that happens to be one is not. */
export function redactNumber(value: number, secrets: Pick<Secrets, "redact">): number | string {
  const text = String(value);
  return text.length >= hiddenDigitsMin && secrets.redact(text) === redacted ? redacted : value;
}

export function redactFields(
  fields: { readonly [key: string]: Json },
  secrets: Pick<Secrets, "redact">,
): { [key: string]: Json } {
  const entries = Object.entries(fields).map(([key, value]): [string, Json] => {
    return [secrets.redact(key), redactJson(value, secrets)];
  });
  return Object.fromEntries(entries);
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value);
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
