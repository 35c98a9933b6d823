/** What is said of an attempt to the owner of its run. */
import {
  type AttemptFacts,
  type InputAnswer,
  type Outcome,
  type RunInput,
  instant,
} from "@agentflow/protocol";
import type { AttemptHouse, OpenAttempt } from "./open-attempt.ts";
import { isTooBig } from "./report.ts";

export interface Result {
  readonly outcome: Outcome;
  readonly facts: Omit<AttemptFacts, "worker">;
}

/** A result that is too long to be said is a failure of its own: else nobody would hear of this attempt. */
export async function reportResult(
  attempt: OpenAttempt,
  of: Result,
  house: AttemptHouse,
): Promise<InputAnswer | undefined> {
  try {
    return await report(attempt, resultOf(attempt, of, house), house);
  } catch (error) {
    if (!isTooBig(error)) throw error;
    const failure = {
      code: "limit_exceeded",
      message: "what the call ended with is too long to be recorded",
    };
    const outcome: Outcome = { kind: "failed", failure, retryable: false };
    return report(attempt, resultOf(attempt, { ...of, outcome }, house), house);
  }
}

function resultOf(attempt: OpenAttempt, of: Result, house: AttemptHouse): RunInput {
  const { task } = attempt;
  const { outcome, facts } = of;
  return {
    kind: "result",
    id: house.reporter.inputId(),
    at: instant(house.clock.now()),
    step: task.step,
    attempt: task.attempt,
    outcome,
    worker: house.worker,
    ...facts,
  };
}

export function report(
  attempt: OpenAttempt,
  input: RunInput,
  house: AttemptHouse,
): Promise<InputAnswer | undefined> {
  return house.reporter.report(attempt.task, input, attempt.lost.signal);
}
