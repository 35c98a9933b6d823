import type { AttemptFacts, Outcome, ResultInput, StepSucceeded } from "@agentflow/protocol";
import { suspend } from "./ask.ts";
import { attemptUnknown, standingOf } from "./attempt.ts";
import { failAttempt } from "./fail-attempt.ts";
import { loseAttempt } from "./lose.ts";
import type { RunningTask, UnknownTask } from "./state.ts";
import { type Verdict, accepted, repeated, runAlreadyEnded } from "./verdict.ts";
import { type Work, emit } from "./work.ts";
import { unreachable } from "./unreachable.ts";

/** How an attempt ended, from its worker: recorded once, whoever repeats it. */
export function decideResult(work: Work, input: ResultInput): Verdict {
  const { run } = work.draft;
  if (run.kind === "absent") return attemptUnknown(input);
  const standing = standingOf(run, input);
  if (standing.kind === "settled") return repeated;
  if (run.kind === "ended") return runAlreadyEnded;
  if (standing.kind === "lost" && input.outcome.kind === "lost") return repeated;
  if (standing.kind !== "open") return attemptUnknown(input);
  return record(work, input, standing.task);
}

function record(work: Work, input: ResultInput, task: RunningTask | UnknownTask): Verdict {
  const { outcome } = input;
  switch (outcome.kind) {
    case "succeeded":
      emit(work, succeeded(input, outcome));
      return accepted;
    case "failed":
      failAttempt(work, { ...outcome, step: input.step, task, facts: factsOf(input) });
      return accepted;
    case "lost":
      // Nobody knows more than before.
      if (task.kind === "unknown") return repeated;
      loseAttempt(work, { step: input.step, task, reason: outcome.reason, facts: factsOf(input) });
      return accepted;
    case "suspended":
      return waitForPeople(work, input, { task, asks: outcome.asks });
    default:
      return unreachable(outcome);
  }
}

/** An agent that waits for nobody would be sent again at once, for ever: it counts as lost. */
function waitForPeople(
  work: Work,
  input: ResultInput,
  { task, asks }: { task: RunningTask | UnknownTask; asks: (Outcome & { kind: "suspended" })["asks"] },
): Verdict {
  const { step, attempt } = input;
  const facts = factsOf(input);
  if (asks.length > 0) suspend(work, { step, attempt, facts, asks });
  else if (task.kind === "unknown") return repeated;
  else loseAttempt(work, { step, task, reason: "it was suspended and asks nobody", facts });
  return accepted;
}

function succeeded(input: ResultInput, outcome: Outcome & { kind: "succeeded" }): StepSucceeded {
  const { at, step, attempt } = input;
  const selected = outcome.selected === undefined ? {} : { selected: outcome.selected };
  return {
    kind: "step_succeeded",
    at,
    step,
    attempt,
    output: outcome.output,
    ...selected,
    ...factsOf(input),
  };
}

function factsOf({ worker, startedAt, ms, code, usage, sandbox }: ResultInput): AttemptFacts {
  return {
    ...(worker === undefined ? {} : { worker }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(ms === undefined ? {} : { ms }),
    ...(code === undefined ? {} : { code }),
    ...(usage === undefined ? {} : { usage }),
    ...(sandbox === undefined ? {} : { sandbox }),
  };
}
