import { type AttemptFacts, type Failure, type StepInstance, instant, unixMs } from "@agentflow/protocol";
import { retryDelayMs } from "./backoff.ts";
import { failInstance } from "./fail.ts";
import { placeOf } from "./place.ts";
import type { RunningTask, UnknownTask } from "./state.ts";
import { type Work, emit, nowOf } from "./work.ts";

export interface FailedAttempt {
  readonly step: StepInstance;
  readonly task: RunningTask | UnknownTask;
  readonly failure: Failure;
  /** False when the worker knows that trying again is of no use. */
  readonly retryable?: boolean;
  readonly facts: AttemptFacts;
}

/** Records a failed attempt: the next one is due later, or the step has failed. */
export function failAttempt(work: Work, failed: FailedAttempt): void {
  const { step, task, failure, facts } = failed;
  const { attempt } = task.tries;
  const base = { kind: "attempt_failed", at: nowOf(work), step, attempt, failure, ...facts } as const;
  const delayMs = delayBeforeNext(work, failed);
  if (delayMs === undefined) {
    emit(work, base);
    return failInstance(work, step, failure);
  }
  const retryAt = instant(unixMs(nowOf(work)) + delayMs);
  emit(work, { ...base, retryAt });
  work.commands.push({ kind: "start_timer", timer: retryTimer(step, attempt), due: retryAt });
}

/** Named after the attempt that failed. */
export function retryTimer(step: StepInstance, attempt: number): string {
  return `retry:${step}:${attempt}`;
}

/** Undefined when there is no next attempt. */
function delayBeforeNext(work: Work, failed: FailedAttempt): number | undefined {
  const { step, task, failure, retryable } = failed;
  const retry = work.plan.steps.get(placeOf(step).id)?.def.retry;
  const failures = task.tries.failed + 1;
  if (retry === undefined || retryable === false || failures >= retry.max) return undefined;
  if (retry.nonRetryable.includes(failure.code)) return undefined;
  return retryDelayMs(retry, { failures, salt: `${work.run}:${step}:${task.tries.attempt}` });
}
