/** Schema of a task: an attempt's envelope on the queue. */
import { z } from "zod";
import { id, instant, traceparent } from "./parse-id.ts";
import { answer, budget } from "./journal.ts";
import { list, record } from "./parse-object.ts";
import { attempt, effect, instance, uses, value } from "./value.ts";

export const task = record({
  v: z.literal(1).describe("Version of this record."),
  kind: z.literal("task"),
  id: id("task").describe("`<tenant>:<run>:<input>:<n>`: the same however often it is sent."),
  tenant: id("tenant"),
  run: id("run"),
  workflow: z.string().describe("Name of the workflow."),
  step: instance,
  attempt,
  uses,
  with: value.describe("What the call is given."),
  effect,
  build: id("build").describe("The build that may take it."),
  at: instant.describe("When it was dispatched."),
  timeoutMs: z.int().min(1).exactOptional().describe("Longest the attempt may take, in milliseconds."),
  select: z.string().exactOptional().describe("Expression over the output that the worker evaluates."),
  traceparent: traceparent.exactOptional(),
  answers: list(answer).exactOptional().describe("What people said about calls of this step."),
  budget: budget.exactOptional(),
});
