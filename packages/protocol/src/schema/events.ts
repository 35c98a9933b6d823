/** Schemas of the events of a run. The descriptions are what the reference prints. */
import { z } from "zod";
import type { RunEvent } from "../events/run.ts";
import { budget } from "./journal.ts";
import { id, instant, sha256, shortHash, traceparent } from "./parse-id.ts";
import { json, record } from "./parse-object.ts";
import { attempt, failure, instance, labels, shown, value } from "./value.ts";
import { sandboxApplied } from "./sandbox.ts";
import { usageTotals } from "./model.ts";

const at = instant.describe("When it was decided.");

/** What a worker tells of an attempt it ran. */
export const attemptFacts = {
  worker: id("worker").exactOptional().describe("The worker that ran the attempt."),
  startedAt: instant.exactOptional().describe("When the attempt began on the worker."),
  ms: z.number().min(0).exactOptional().describe("How long the attempt took, in milliseconds."),
  code: shortHash.exactOptional().describe("Hash of the user code that ran."),
  usage: usageTotals.exactOptional().describe("What the step has used up so far."),
  sandbox: sandboxApplied.exactOptional().describe("Of an untrusted tool: what the call ran in."),
};

function event<Kind extends RunEvent["kind"], Shape extends z.ZodRawShape>(
  kind: Kind,
  description: string,
  shape: Shape,
) {
  return record({ kind: z.literal(kind), at, ...shape }).meta({ id: kind, description });
}

const runStarted = event("run_started", "The run began. Always the first event of a run.", {
  workflow: z.string().describe("Name of the workflow."),
  version: shortHash.describe("Version of the workflow: the head of its definition's hash."),
  plan: id("definition").describe("Hash of the stored plan that the run walks."),
  build: id("build").describe("The build whose workers take the run's tasks."),
  input: value.describe("The run's input."),
  fingerprint: sha256.describe(
    "Hash of what the client asked for: another request under this id is a conflict.",
  ),
  labels: labels.exactOptional(),
  deadline: instant.exactOptional().describe("When the run fails with `timeout` unless it has ended."),
  traceparent: traceparent.exactOptional().describe("Trace context of the client, as W3C writes it."),
});

const taskDispatched = event("task_dispatched", "An attempt was handed to the queue for a worker.", {
  step: instance,
  attempt,
  input: id("input").describe("The input that led to it: part of the task's id."),
  n: z.int().min(0).describe("Its number among the tasks of that input: the end of the task's id."),
  budget: budget.exactOptional(),
});

export const lastHolder = record({
  worker: id("worker").describe("The worker that said it."),
  startedAt: instant.describe("Since when, as it said."),
  seenAt: instant.describe("When it was last heard of."),
}).meta({ id: "LastHolder", description: "Who last said that it works on an attempt." });

const taskResent = event(
  "task_resent",
  "The queue had lost the attempt's task, as after a kill of everything: it was sent again under its id.",
  {
    step: instance,
    attempt,
    input: id("input").describe("The input that told of it."),
    holder: lastHolder
      .exactOptional()
      .describe("Who had it, most likely; absent when no worker had said so."),
  },
);

const attemptStarted = event(
  "attempt_started",
  "A call is about to begin. An irreversible one certainly did not happen without it; others rarely have it.",
  {
    step: instance,
    attempt,
    worker: id("worker").describe("The worker that is about to call."),
    input: id("input").exactOptional().describe("The input that announced it."),
  },
);

const attemptFailed = event("attempt_failed", "An attempt ended in a failure.", {
  step: instance,
  attempt,
  failure: failure.describe("Why."),
  retryAt: instant.exactOptional().describe("When the next attempt is due; absent when there is none."),
  ...attemptFacts,
});

const attemptLost = event(
  "attempt_lost",
  "The worker or its runner died or lost its lease. Does not count against `retry.max`.",
  { step: instance, attempt, reason: z.string().describe("What was lost."), ...attemptFacts },
);

const stepExpanded = event(
  "step_expanded",
  "A `forEach` got its list: one instance of the step for each item.",
  {
    step: instance,
    count: z.int().min(0).describe("Number of items."),
  },
);

const stepWaiting = event("step_waiting", "A `wait` step began to wait.", {
  step: instance,
  until: instant.describe("When it goes on."),
});

const stepSucceeded = event("step_succeeded", "A step has its output.", {
  step: instance,
  attempt: attempt.exactOptional(),
  output: value.describe("What the step gave."),
  selected: json.exactOptional().describe("What `select` gave: expressions see this instead of the output."),
  ...attemptFacts,
});

const stepFailed = event("step_failed", "A step failed for good: no attempt is left.", {
  step: instance,
  failure: failure.describe("The failure of the last attempt."),
});

const stepCaught = event("step_caught", "A step failed and its `catch` took the failure.", {
  step: instance,
  failure: failure.describe("What was caught."),
  handler: id("step").exactOptional().describe("The handler step that was given the failure."),
  output: value
    .exactOptional()
    .describe("Present when the step has ended: the value of its catch or handler."),
  selected: json.exactOptional().describe("What the handler's `select` gave."),
});

const stepSkipped = event("step_skipped", "A step was not run.", {
  step: instance,
  reason: z
    .enum(["condition", "not_needed"])
    .describe("`condition`: its `if` was false. `not_needed`: nothing that it could follow was done."),
});

const stepCancelled = event("step_cancelled", "A step was stopped because the run ended or was cancelled.", {
  step: instance,
  reason: z.string().describe("Why."),
});

const stepUnknown = event(
  "step_unknown",
  "An irreversible call was lost after it had begun. A person must say what happened.",
  {
    step: instance,
    attempt,
    reason: z.string().describe("What is known."),
    call: z.string().exactOptional().describe("Of an agent's step: the call, `<step instance>/<call>`."),
    tool: z.string().exactOptional().describe("Of an agent's step: the tool that was called."),
    given: json.exactOptional().describe("Of an agent's step: what the tool was given."),
  },
);

const stepSuspended = event("step_suspended", "An attempt of an agent's step ended to wait for people.", {
  step: instance,
  attempt,
  ...attemptFacts,
});

const approvalNumber = z.int().min(1).describe("Within the run: the end of the approval's id, `<run>-<n>`.");

const approvalRequested = event("approval_requested", "A person is asked before something is done.", {
  step: instance,
  n: approvalNumber,
  call: z.string().exactOptional().describe("Of an agent's step: the call, `<step instance>/<call>`."),
  shown,
  hash: sha256.describe("SHA-256 of the canonical JSON of `shown`."),
  expiresAt: instant.describe("Then it counts as denied."),
});

const approvalDecided = event("approval_decided", "A person answered, or nobody did in time.", {
  step: instance,
  n: approvalNumber,
  approved: z.boolean().describe("Whether it may be done."),
  how: z.enum(["person", "expired"]).describe("`expired`: nobody answered in time."),
  by: z.string().exactOptional().describe("Who decided."),
  comment: z.string().exactOptional().describe("What they said beside."),
});

const callSettled = event("call_settled", "A person said what became of a call of an agent's step.", {
  step: instance,
  call: z.string().describe("`<step instance>/<call>`."),
  as: z.enum(["done", "failed", "retry"]).describe("What is to be taken for its outcome."),
  output: value.exactOptional().describe("The call's output, when it was done."),
  message: z.string().exactOptional().describe("What the agent is told, when it failed."),
  by: z.string().exactOptional().describe("Who said so."),
});

const eventEmitted = event("event_emitted", "An `emit` step told its event.", {
  step: instance,
  name: z.string().describe("Name of the emitted event."),
  data: json.describe("What came with it."),
});

const runCompleted = event("run_completed", "The run ended with an output.", {
  output: value.describe("The run's output."),
});

const runFailed = event("run_failed", "The run ended in a failure.", {
  failure: failure.describe("Why."),
  step: instance.exactOptional().describe("The step that failed, when it was a step."),
});

const runCancelled = event("run_cancelled", "The run was cancelled.", {
  reason: z.string().describe("The reason that was given."),
  by: z.string().exactOptional().describe("Who asked for it."),
});

/** Every kind, in the order in which the reference shows them. */
export const eventSchemas = [
  runStarted,
  taskDispatched,
  taskResent,
  attemptStarted,
  attemptFailed,
  attemptLost,
  stepExpanded,
  stepWaiting,
  stepSucceeded,
  stepFailed,
  stepCaught,
  stepSkipped,
  stepCancelled,
  stepUnknown,
  stepSuspended,
  approvalRequested,
  approvalDecided,
  callSettled,
  eventEmitted,
  runCompleted,
  runFailed,
  runCancelled,
] as const;

export const runEvent = z.discriminatedUnion("kind", eventSchemas);
