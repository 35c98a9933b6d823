/** Schemas of a commit: what the log keeps of a run. */
import { z } from "zod";
import { runEvent } from "./events.ts";
import { answer, budget } from "./journal.ts";
import { id, instant } from "./parse-id.ts";
import { list, record } from "./parse-object.ts";
import { attempt, effect, instance, uses, value } from "./value.ts";

const commitInput = record({
  id: id("input").describe("The input's id."),
  kind: z
    .string()
    .describe(
      "start, result, started, redelivered, resent, timer, cancel, resolve, approval, nudge or continue.",
    ),
  at: instant.describe("When it was decided."),
  refused: z.string().exactOptional().describe("Why it was refused; a refused input has no events."),
}).meta({ id: "CommitInput", description: "An input that this commit decided." });

const taskNumber = {
  input: id("input").describe("The input that led to the task: part of the task's id."),
  n: z.int().min(0).describe("Its number among the tasks of that input: the end of the task's id."),
};

export const runCommand = z.discriminatedUnion("kind", [
  record({
    kind: z.literal("dispatch_task"),
    ...taskNumber,
    step: instance,
    attempt,
    uses,
    with: value.describe("What the call is given."),
    effect,
    pool: id("pool").describe("The pool of workers that takes it."),
    timeoutMs: z.int().min(1).exactOptional().describe("Longest the attempt may take, in milliseconds."),
    select: z.string().exactOptional().describe("Expression over the output that the worker evaluates."),
    answers: list(answer).exactOptional().describe("What people said about calls of this step."),
    budget: budget.exactOptional(),
    again: z.literal(true).exactOptional().describe("Not the first dispatch: caches must not answer."),
  }).meta({ id: "dispatch_task", description: "Hand an attempt to the queue." }),
  record({ kind: z.literal("stop_task"), step: instance, attempt, ...taskNumber }).meta({
    id: "stop_task",
    description: "Take a task back, from the queue or from the worker that holds it.",
  }),
  record({
    kind: z.literal("start_timer"),
    timer: z.string().describe("`run`, `wait:<instance>`, `retry:<instance>:<attempt>` or `approval:<n>`."),
    due: instant.describe("When it fires."),
  }).meta({ id: "start_timer", description: "Wake the run at an instant." }),
  record({ kind: z.literal("continue") }).meta({
    id: "continue",
    description: "More is ready than one commit may hold: go on in the next.",
  }),
]);

export const commit = record({
  v: z.literal(1).describe("Version of this record."),
  kind: z.literal("commit"),
  inputs: list(commitInput).describe("The inputs that were decided, in order."),
  events: list(runEvent).describe("What became true, in order."),
  commands: list(runCommand).describe("What is to be done outside, once this is in the log."),
});
