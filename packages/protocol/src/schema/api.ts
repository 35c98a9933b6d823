/** Schemas of what enters and leaves the API. Bodies are strict: an unknown key is named and refused. */
import { z } from "zod";
import { scopes } from "../api/scopes.ts";
import { approvalStatuses } from "../api/approvals.ts";
import { usageGroups } from "../api/usage.ts";
import { logLevels } from "../telemetry.ts";
import { runStatuses } from "../api/runs.ts";
import type { JsonObject } from "../json.ts";
import { journalRecord } from "./journal.ts";
import { usageTotals } from "./model.ts";
import { idText as id } from "./parse-id.ts";
import { json, list, plainObject } from "./parse-object.ts";
import { sandboxApplied } from "./sandbox.ts";
import { shown } from "./value.ts";

const instant = z.iso.datetime({ offset: true });
const labels = z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/), z.string().max(256));
const failure = z.object({
  code: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.unknown()).exactOptional(),
});

export const startRunBody = z.strictObject({
  run: id("run"),
  workflow: id("workflow"),
  version: z
    .string()
    .regex(/^[0-9a-f]{12}$/, { error: "is not a version (12 hex digits)" })
    .exactOptional(),
  input: json.exactOptional(),
  labels: labels
    .refine((all) => Object.keys(all).length <= 16, { error: "at most 16 labels" })
    .exactOptional(),
  timeoutMs: z
    .int()
    .min(1)
    .max(366 * 86_400_000)
    .exactOptional(),
  traceparent: z
    .string()
    .regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
    .exactOptional(),
});

export const cancelBody = z.strictObject({ input: id("input"), reason: z.string().max(500).exactOptional() });

export const resolveBody = z.strictObject({
  input: id("input"),
  step: id("step instance"),
  call: z.string().max(200).exactOptional(),
  as: z.enum(["done", "failed", "retry"]),
  output: json.exactOptional(),
  message: z.string().max(500).exactOptional(),
});

/** The definition itself is checked by the plan validator, which names every fault with its place. */
export const registerBody = z.strictObject({
  definition: z.record(z.string(), z.unknown()),
  strict: z.boolean().exactOptional(),
  build: id("build").exactOptional(),
});

/** Which ended runs leave the log now; both left out: none. */
export const archiveBody = z.strictObject({
  /** Those that ended longer ago. */
  olderThanMs: z.int().min(0).exactOptional(),
  /** All but the newest so many. */
  keepRuns: z.int().min(0).exactOptional(),
});

export const inspectBody = z.strictObject({ port: z.int().min(1_024).max(65_535).exactOptional() });

export const createKeyBody = z.strictObject({
  name: z.string().min(1).max(80),
  scopes: z.array(z.enum(scopes)).min(1),
  tenant: id("tenant").exactOptional(),
  expiresAt: instant.exactOptional(),
});

const status = z.enum(runStatuses);

export const runAnswer = z.object({
  run: id("run"),
  status,
  revision: z.int(),
  output: json.exactOptional(),
  failure: failure.exactOptional(),
  repeated: z.literal(true).exactOptional(),
});

export const runSummary = z.object({
  run: id("run"),
  workflow: z.string(),
  version: z.string(),
  status,
  startedAt: instant,
  endedAt: instant.exactOptional(),
  revision: z.int(),
  labels: labels.exactOptional(),
  failure: failure.exactOptional(),
});

const lastHolder = z.object({ worker: z.string(), startedAt: instant, seenAt: instant });

const attemptView = z.object({
  attempt: z.int(),
  dispatchedAt: instant,
  startedAt: instant.exactOptional(),
  endedAt: instant.exactOptional(),
  queueMs: z.number().exactOptional(),
  ms: z.number().exactOptional(),
  worker: z.string().exactOptional(),
  code: z.string().exactOptional(),
  sandbox: sandboxApplied.exactOptional(),
  outcome: z.enum(["open", "succeeded", "failed", "lost", "stopped", "suspended", "unknown"]),
  failure: failure.exactOptional(),
  interruptions: z
    .array(z.object({ at: instant, holder: lastHolder.exactOptional() }))
    .exactOptional()
    .describe("When its task was lost with the queue and sent again, and who had it."),
});

const stepView = z.object({
  step: z.string(),
  uses: z.string(),
  status: z.string(),
  attempts: z.array(attemptView),
  startedAt: instant.exactOptional(),
  endedAt: instant.exactOptional(),
  output: json.exactOptional(),
  failure: failure.exactOptional(),
  until: instant.exactOptional(),
  items: z.object({ count: z.int(), done: z.int() }).exactOptional(),
  usage: usageTotals.exactOptional(),
  approval: z.string().exactOptional(),
});

export const runView = runSummary.extend({
  input: json.exactOptional(),
  output: json.exactOptional(),
  build: z.string(),
  deadline: instant.exactOptional(),
  steps: z.array(stepView),
  codes: z.array(z.string()),
  usage: usageTotals.exactOptional(),
});

export const runPage = z.object({
  runs: z.array(runSummary),
  cursor: z.string().exactOptional(),
  revision: z.int(),
  place: z.string().exactOptional(),
});

export const runEventView = z.object({
  run: z.string(),
  revision: z.int(),
  n: z.int(),
  event: z.looseObject({ kind: z.string(), at: instant }),
});

export const eventPage = z.object({ events: z.array(runEventView), cursor: z.string() });

export const whyAnswer = z.object({
  run: z.string(),
  status,
  headline: z.string(),
  build: z.string().exactOptional(),
  reasons: z.array(
    z.object({
      reason: z.string(),
      code: z.string().exactOptional(),
      step: z.string().exactOptional(),
      message: z.string(),
      since: instant.exactOptional(),
      until: instant.exactOptional(),
      holder: z.string().exactOptional(),
      command: z.string().exactOptional(),
    }),
  ),
});

export const decideBody = z.strictObject({
  input: id("input"),
  hash: z.string().regex(/^[0-9a-f]{64}$/, { error: "is not a SHA-256 in lower-case hex" }),
  approve: z.boolean(),
  comment: z.string().max(2_000).exactOptional(),
});

export const approvalView = z.object({
  approval: z.string(),
  run: z.string(),
  workflow: z.string(),
  step: z.string(),
  call: z.string().exactOptional(),
  status: z.enum(approvalStatuses),
  shown,
  hash: z.string(),
  requestedAt: instant,
  expiresAt: instant,
  decidedAt: instant.exactOptional(),
  by: z.string().exactOptional(),
  comment: z.string().exactOptional(),
});

export const approvalPage = z.object({
  approvals: list(approvalView),
  cursor: z.string().exactOptional(),
});

export const usageAnswer = z.object({
  by: z.enum(usageGroups),
  since: instant.exactOptional(),
  rows: list(z.object({ name: z.string(), usage: usageTotals, runs: z.int() })),
  total: usageTotals,
});

export const journalPage = z.object({
  records: z.array(z.object({ run: z.string(), step: z.string(), revision: z.int(), record: journalRecord })),
  cursor: z.string().exactOptional(),
});

export const errorBody = z.object({
  code: z.string(),
  reason: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
  suggestions: z.array(z.string()),
});

/** Query parameters arrive as text; these read them. */
export const query = {
  waitMs: z.coerce.number().int().min(0).max(60_000).exactOptional(),
  limit: z.coerce.number().int().min(1).max(1_000).exactOptional(),
  cursor: z.string().max(500).exactOptional(),
  instant: instant.exactOptional(),
  revision: z.coerce.number().int().min(0).exactOptional(),
  level: z.enum(logLevels).exactOptional(),
  text: z.string().max(500).exactOptional(),
  flag: z.enum(["true", "false"]).exactOptional(),
} as const;

/** A schema as JSON Schema (draft 2020-12), as OpenAPI 3.1 takes it. */
export function toJsonSchema(schema: z.ZodType, io: "input" | "output" = "output"): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return plainObject(rest);
}
