import { type ContinueInput, type NudgeInput, wholeStep } from "@agentflow/protocol";
import { lookAtAll } from "./advance.ts";
import { expireApproval } from "./decide-approval.ts";
import { endWait, timeOut } from "./decide-timer.ts";
import { openApprovals } from "./people.ts";
import { type Verdict, accepted, repeated } from "./verdict.ts";
import { type Work, isActive, runOf } from "./work.ts";

/**
 * `continue` goes on where the last commit was full. `nudge` comes after a silence: it also makes good what a
 * lost timer should have done. On a run that is sane neither leaves a trace.
 */
export function decideNudge(work: Work, input: NudgeInput | ContinueInput): Verdict {
  if (work.draft.run.kind !== "active") return repeated;
  if (input.kind === "nudge" && !makeGood(work, input)) return accepted;
  lookAtAll(work);
  return accepted;
}

/** False when the run ended over it. */
function makeGood(work: Work, { at }: NudgeInput): boolean {
  const { started, steps } = runOf(work);
  if (started.deadline !== undefined && started.deadline <= at) {
    timeOut(work);
    return false;
  }
  for (const [id, state] of steps) {
    if (state.kind === "waiting" && state.until <= at) endWait(work, wholeStep(id));
  }
  for (const { n, expiresAt } of openApprovals(runOf(work))) {
    if (expiresAt <= at) expireApproval(work, n);
    if (!isActive(work)) return false;
  }
  return true;
}
