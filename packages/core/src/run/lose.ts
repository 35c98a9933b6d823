import type { AttemptFacts, StepInstance } from "@agentflow/protocol";
import { failAttempt } from "./fail-attempt.ts";
import { runLimits } from "./limits.ts";
import { placeOf } from "./place.ts";
import { redispatch } from "./redispatch.ts";
import type { RunningTask } from "./state.ts";
import { type Work, emit, nowOf } from "./work.ts";

export interface LostAttempt {
  readonly step: StepInstance;
  readonly task: RunningTask;
  readonly reason: string;
  readonly facts: AttemptFacts;
}

/** An attempt's worker is gone: try again at once, unless nobody can say whether the call took effect. */
export function loseAttempt(work: Work, { step, task, reason, facts }: LostAttempt): void {
  const { attempt, lost } = task.tries;
  const at = nowOf(work);
  if (isIrreversible(work, step) && task.worker !== undefined) {
    return emit(work, { kind: "step_unknown", at, step, attempt, reason });
  }
  if (lost.length >= runLimits.lossesMax) {
    const message = `the worker was lost ${lost.length + 1} times, last: ${reason}`;
    return failAttempt(work, { step, task, facts, failure: { code: "worker_lost", message } });
  }
  emit(work, { kind: "attempt_lost", at, step, attempt, reason, ...facts });
  redispatch(work, step);
}

function isIrreversible(work: Work, step: StepInstance): boolean {
  return work.plan.steps.get(placeOf(step).id)?.def.effect === "irreversible";
}
