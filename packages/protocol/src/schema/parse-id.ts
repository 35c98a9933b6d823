/** Text with a grammar: ids, durations, instants, references. Here a pattern becomes a branded type. */
import { z } from "zod";
import { durationMsMax, durationPattern, readDuration } from "../duration.ts";
import { grammar, type IdKind, type IdOf } from "../ids.ts";
import type { Instant } from "../json.ts";

const plainName = "lower-case letters, digits, _ and -, at most 63, beginning with a letter or digit";
const clusterName =
  "lower-case letters, digits and -, at most 40, beginning with a letter, not ending with -";

/** Each grammar in words, for the person whose text was refused. */
export const grammarInWords: { readonly [K in IdKind]: string } = {
  tenant: plainName,
  workflow: plainName,
  agent: plainName,
  secret: plainName,
  source: plainName,
  input: plainName,
  worker: plainName,
  project: clusterName,
  pool: clusterName,
  step: "lower-case letters, digits and _, at most 63, beginning with a letter",
  "step instance": "a step's name, for an item followed by ~ and its number",
  tool: "<file>.<export>, the export in letters and digits beginning with a lower-case letter",
  run: "r and 26 characters of lower-case Crockford base32",
  build: "12 lower-case hex digits, or dev",
  definition: "64 lower-case hex digits",
  shard: "00 to 63",
  task: "<tenant>:<run>:<input>:<n>",
};

/** An id as plain text. */
export function idText(kind: IdKind): z.ZodString {
  return z.string().regex(grammar[kind], { error: `is not a valid ${kind} id (${grammarInWords[kind]})` });
}

/** An id with its brand. */
export function id<Kind extends IdKind>(kind: Kind): z.ZodType<IdOf<Kind>, string> {
  return idText(kind) as unknown as z.ZodType<IdOf<Kind>, string>;
}

/** Text that a pattern describes, typed as the union or template literal it stands for. */
export function textOf<T extends string>(pattern: RegExp, error: string): z.ZodType<T, string> {
  return z.string().regex(pattern, { error }) as unknown as z.ZodType<T, string>;
}

/** A written duration, at most a year. */
export const duration = z
  .string()
  .regex(durationPattern, { error: "is not a duration: write 250ms, 30s, 5m, 24h or 7d" })
  .refine((text) => !durationPattern.test(text) || readDuration(text) !== undefined, {
    error: `is longer than ${durationMsMax / 86_400_000} days`,
  });

/** RFC 3339, UTC, milliseconds. */
export const instant: z.ZodType<Instant, string> = z.iso.datetime({
  precision: 3,
  error: "is not an instant: write 2026-11-23T09:30:00.000Z",
});

/** First 12 hex digits of a SHA-256. */
export const shortHash = z.string().regex(/^[0-9a-f]{12}$/, { error: "is not 12 lower-case hex digits" });
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: "is not a SHA-256 in lower-case hex" });
export const traceparent = z
  .string()
  .regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/, { error: "is not a W3C traceparent" });
