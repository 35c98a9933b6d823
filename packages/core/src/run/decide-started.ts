import type { StartedInput } from "@agentflow/protocol";
import { attemptUnknown, standingOf } from "./attempt.ts";
import { type Verdict, accepted, refuse, repeated, runAlreadyEnded } from "./verdict.ts";
import { type Work, emit } from "./work.ts";

/**
 * A call is about to begin that must not begin in vain: an irreversible one, whose loss is no longer harmless
 * from here on, or one that writes and whose task came late.
 */
export function decideStarted(work: Work, input: StartedInput): Verdict {
  const { run } = work.draft;
  if (run.kind !== "active") return runAlreadyEnded;
  const standing = standingOf(run, input);
  if (standing.kind !== "open" || standing.task.kind !== "running") return attemptUnknown(input);
  const { worker, announced } = standing.task;
  const { id, at, step, attempt } = input;
  if (announced === id) return repeated;
  // Also when it was this worker: it may have died and come back under its name, or have been handed the
  // task once more after it was done with it, by an owner that has not heard of that.
  if (worker !== undefined) {
    return refuse("attempt_taken", `attempt ${attempt} of ${step} was begun by ${worker}`);
  }
  emit(work, { kind: "attempt_started", at, step, attempt, worker: input.worker, input: id });
  return accepted;
}
