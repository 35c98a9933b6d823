import type { RedeliveredInput } from "@agentflow/protocol";
import { attemptUnknown, standingOf } from "./attempt.ts";
import { loseAttempt } from "./lose.ts";
import { type Verdict, accepted, repeated, runAlreadyEnded } from "./verdict.ts";
import type { Work } from "./work.ts";

/** The queue handed an attempt's task to a second worker: the first one lost its lease. */
export function decideRedelivered(work: Work, input: RedeliveredInput): Verdict {
  const { run } = work.draft;
  if (run.kind !== "active") return runAlreadyEnded;
  const standing = standingOf(run, input);
  if (standing.kind === "lost") return repeated;
  if (standing.kind !== "open" || standing.task.kind !== "running") return attemptUnknown(input);
  const reason = `lease_lost: delivery ${input.delivery} went to ${input.worker}`;
  // What the second worker says is not about the first one's attempt: no facts of it are recorded.
  loseAttempt(work, { step: input.step, task: standing.task, reason, facts: {} });
  return accepted;
}
