/** Schemas of what `--json` prints. */
import { z } from "zod";
import type { ErrorCode } from "../errors.ts";
import { list, record } from "./parse-object.ts";

const codes: readonly ErrorCode[] = [
  "invalid_input",
  "invalid_project",
  "not_found",
  "unauthenticated",
  "forbidden",
  "unavailable",
  "timeout",
  "conflict",
  "already_exists",
  "refused",
  "limit_exceeded",
  "internal",
];

export const errorCode = z.enum(codes).describe("Closed list; says retry, HTTP status and exit code.");

export const errorBody = record({
  code: errorCode,
  reason: z.string().describe("A stable word under the code, e.g. `queue_full`."),
  message: z.string().describe("For people; may change."),
  details: z.record(z.string(), z.unknown()).describe("Plain data."),
  suggestions: list(z.string()).describe("What to try next."),
}).meta({ id: "Error", description: "An error as every answer writes it." });

const version = z.literal(1).describe("Version of the envelope.");

export const envelope = z.discriminatedUnion("ok", [
  record({
    v: version,
    ok: z.literal(true).describe("The command did its work."),
    data: z.unknown().describe("What the command gives; a run that failed stands here with its state."),
    meta: z.record(z.string(), z.unknown()).describe("About the answer: version, time taken, cursor."),
  }),
  record({
    v: version,
    ok: z.literal(false).describe("The command could not do its work."),
    error: errorBody,
  }),
]);

export const streamLine = z.looseObject({
  v: version,
  kind: z.string().min(1).describe("What the line is; says which other keys it has."),
});
