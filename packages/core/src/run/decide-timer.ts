import { type StepInstance, type TimerInput, isId, showDuration, unixMs } from "@agentflow/protocol";
import { expireApproval } from "./decide-approval.ts";
import { failRun } from "./end.ts";
import { taskAt } from "./evolve-attempt.ts";
import { retryTimer } from "./fail-attempt.ts";
import { placeOf } from "./place.ts";
import { redispatch } from "./redispatch.ts";
import { type Verdict, accepted, repeated } from "./verdict.ts";
import { type Work, emit, isFull, nowOf, runOf } from "./work.ts";

/** A timer fired. One that nothing waits for any more is harmless. */
export function decideTimer(work: Work, input: TimerInput): Verdict {
  if (work.draft.run.kind !== "active") return repeated;
  const [kind = "", step = "", attempt = ""] = input.timer.split(":");
  if (kind === "run") return timeOut(work);
  if (kind === "approval") return expireApproval(work, Number(step));
  if (!isId("step instance", step)) return repeated;
  if (kind === "wait") return endWait(work, step);
  return kind === "retry" ? retry(work, step, Number(attempt)) : repeated;
}

/** The run's own time is over. */
export function timeOut(work: Work): Verdict {
  const { deadline, at } = runOf(work).started;
  if (deadline === undefined) return repeated;
  const given = showDuration(unixMs(deadline) - unixMs(at));
  const message = `the run did not end within its timeout of ${given}`;
  failRun(work, { code: "timeout", message });
  return accepted;
}

export function endWait(work: Work, step: StepInstance): Verdict {
  const { id, item } = placeOf(step);
  if (item !== undefined || runOf(work).steps.get(id)?.kind !== "waiting") return repeated;
  emit(work, { kind: "step_succeeded", at: nowOf(work), step, output: { inline: null } });
  return accepted;
}

function retry(work: Work, step: StepInstance, attempt: number): Verdict {
  const task = taskAt(runOf(work), placeOf(step));
  if (task?.kind !== "sleeping" || task.tries.attempt !== attempt) return repeated;
  if (isFull(work)) {
    // The timer is spent, but its attempt is not sent: it comes again with the next commit.
    work.commands.push({ kind: "start_timer", timer: retryTimer(step, attempt), due: task.until });
    return accepted;
  }
  redispatch(work, step);
  return accepted;
}
