/** Schemas of inputs, which ask a run to move, and of the answer. */
import { z } from "zod";
import type { Outcome } from "../input.ts";
import { attemptFacts, lastHolder } from "./events.ts";
import { id, instant, sha256, shortHash, traceparent } from "./parse-id.ts";
import { ask } from "./journal.ts";
import { json, list, record } from "./parse-object.ts";
import { attempt, failure, instance, labels, value } from "./value.ts";

const base = {
  id: id("input").describe("Made once by the sender; a repeat carries the same."),
  at: instant.describe("When it entered."),
};
const by = z.string().exactOptional().describe("Who asked for it.");

export const outcome: z.ZodType<Outcome> = z
  .discriminatedUnion("kind", [
    record({
      kind: z.literal("succeeded"),
      output: value,
      selected: json.exactOptional().describe("What `select` gave."),
    }),
    record({
      kind: z.literal("failed"),
      failure,
      retryable: z.boolean().exactOptional().describe("False: another attempt would fail the same way."),
    }),
    record({ kind: z.literal("lost"), reason: z.string() }),
    record({ kind: z.literal("suspended"), asks: list(ask) }),
  ])
  .meta({ id: "Outcome", description: "How an attempt ended." });

export const runInput = z.discriminatedUnion("kind", [
  record({
    kind: z.literal("start"),
    ...base,
    workflow: z.string(),
    version: shortHash,
    plan: id("definition"),
    build: id("build"),
    input: value,
    fingerprint: sha256,
    labels: labels.exactOptional(),
    timeoutMs: z.int().min(1).exactOptional().describe("Shortens the plan's own timeout."),
    traceparent: traceparent.exactOptional(),
  }).meta({ id: "start", description: "Start the run." }),
  record({ kind: z.literal("result"), ...base, step: instance, attempt, outcome, ...attemptFacts }).meta({
    id: "result",
    description: "How an attempt ended, from the worker that ran it.",
  }),
  record({ kind: z.literal("started"), ...base, step: instance, attempt, worker: id("worker") }).meta({
    id: "started",
    description: "An irreversible call is about to begin; the worker waits for the answer.",
  }),
  record({
    kind: z.literal("redelivered"),
    ...base,
    step: instance,
    attempt,
    worker: id("worker"),
    delivery: z.int().min(1).describe("How often the queue handed the task out, this time included."),
  }).meta({ id: "redelivered", description: "A worker got a task that another worker already had." }),
  record({
    kind: z.literal("resent"),
    ...base,
    tasks: list(record({ step: instance, attempt, holder: lastHolder.exactOptional() })).describe(
      "Attempts whose tasks were sent again.",
    ),
  }).meta({ id: "resent", description: "The queue lost tasks, and they were sent again under their ids." }),
  record({ kind: z.literal("timer"), ...base, timer: z.string() }).meta({
    id: "timer",
    description: "A timer is due.",
  }),
  record({ kind: z.literal("cancel"), ...base, reason: z.string(), by }).meta({
    id: "cancel",
    description: "Stop the run.",
  }),
  record({
    kind: z.literal("resolve"),
    ...base,
    step: instance,
    call: z.string().exactOptional().describe("The call in question, where the step is an agent's."),
    as: z.enum(["done", "failed", "retry"]),
    output: value.exactOptional(),
    message: z.string().exactOptional(),
    by,
  }).meta({ id: "resolve", description: "A person says what became of a step whose outcome is unknown." }),
  record({
    kind: z.literal("approval"),
    ...base,
    approval: z.string().describe("`<run>-<n>`."),
    hash: sha256.describe("Of what was shown."),
    approve: z.boolean(),
    by,
    comment: z.string().exactOptional(),
  }).meta({ id: "approval", description: "A person approves or denies what they were shown." }),
  record({ kind: z.literal("nudge"), ...base, resend: z.literal(true).exactOptional() }).meta({
    id: "nudge",
    description: "Look at the run again.",
  }),
  record({ kind: z.literal("continue"), ...base }).meta({
    id: "continue",
    description: "Go on where a full commit stopped.",
  }),
]);

export const inputRequest = record({
  v: z.literal(1),
  kind: z.literal("input"),
  run: id("run").describe("The run that is to move."),
  input: runInput,
  proof: z.string().exactOptional().describe("Of a control plane that passes on what a client asked for."),
});

export const inputAnswer = z.discriminatedUnion("kind", [
  record({
    v: z.literal(1),
    kind: z.literal("accepted"),
    revision: z.int().describe("Where the input stands in the log."),
    repeated: z.literal(true).exactOptional().describe("It was there already."),
  }),
  record({
    v: z.literal(1),
    kind: z.literal("refused"),
    reason: z.string().describe("A stable word."),
    message: z.string().describe("For people."),
    revision: z.int().exactOptional(),
  }),
]);
