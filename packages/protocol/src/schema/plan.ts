/** Schema of a plan, the form in which definitions are stored for runs. */
import { z } from "zod";
import type { PlanCatch } from "../plan.ts";
import { budget } from "./journal.ts";
import { id, idText, shortHash } from "./parse-id.ts";
import { json, jsonObject, list, record } from "./parse-object.ts";
import { effect, uses } from "./value.ts";
import { join } from "./workflow.ts";

const when = z.string().exactOptional();

const planCatch: z.ZodType<PlanCatch> = z.union([
  record({ when, handler: id("step") }),
  record({ when, value: json }),
]);

const planStep = record({
  uses,
  with: json.describe("Template of what the call is given."),
  needs: list(id("step")).describe("Every step that comes before."),
  join,
  effect,
  pool: id("pool"),
  if: z.string().exactOptional(),
  forEach: record({ in: z.string(), as: z.string(), maxParallel: z.int().min(1) }).exactOptional(),
  retry: record({
    max: z.int().min(1),
    backoffMs: z.int().min(0),
    factor: z.number().min(1),
    maxBackoffMs: z.int().min(0),
    nonRetryable: list(z.string()),
  }),
  timeoutMs: z.int().min(1).exactOptional(),
  catch: planCatch.exactOptional(),
  select: z.string().exactOptional(),
  approval: record({ text: z.string().exactOptional(), expiresMs: z.int().min(1) }).exactOptional(),
}).meta({ id: "PlanStep", description: "One step of a plan." });

export const plan = record({
  v: z.literal(1).describe("Version of this record."),
  kind: z.literal("plan"),
  workflow: z.string().describe("Name of the workflow."),
  version: shortHash.describe("Head of the hash of the definition as authored."),
  planner: z.literal("static"),
  input: jsonObject.exactOptional().describe("JSON Schema of the run's input."),
  timeoutMs: z.int().min(1).exactOptional(),
  budget: budget.exactOptional(),
  steps: z.record(idText("step"), planStep),
  output: json.describe("Template of the run's output."),
});
