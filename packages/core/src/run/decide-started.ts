import type { StartedInput } from "@agentflow/protocol";
import { attemptUnknown, standingOf } from "./attempt.ts";
import { type Verdict, accepted, refuse, repeated, runAlreadyEnded } from "./verdict.ts";
import { type Work, emit } from "./work.ts";

/** An irreversible call is about to begin: from here on its loss is no longer harmless. */
export function decideStarted(work: Work, input: StartedInput): Verdict {
  const { run } = work.draft;
  if (run.kind !== "active") return runAlreadyEnded;
  const standing = standingOf(run, input);
  if (standing.kind !== "open" || standing.task.kind !== "running") return attemptUnknown(input);
  const { worker } = standing.task;
  if (worker === input.worker) return repeated;
  const { at, step, attempt } = input;
  if (worker !== undefined) {
    return refuse("attempt_taken", `attempt ${attempt} of ${step} was begun by ${worker}`);
  }
  emit(work, { kind: "attempt_started", at, step, attempt, worker: input.worker });
  return accepted;
}
