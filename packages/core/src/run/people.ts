/** What of a run waits for people. */
import type { ApprovalRequested, StepUnknown } from "@agentflow/protocol";
import { taskAt } from "./evolve-attempt.ts";
import { placeOf } from "./place.ts";
import type { ActiveRun, ApprovalState } from "./state.ts";
import { openInstances } from "./stop.ts";

type Run = Pick<ActiveRun, "steps" | "approvals">;

/** False once its step has ended some other way: then it is withdrawn. */
export function isOpenApproval(run: Run, { kind, asked }: ApprovalState): boolean {
  const task = kind === "open" ? taskAt(run, placeOf(asked.step)) : undefined;
  return task?.kind === "asking" && task.approvals.includes(asked.n);
}

export function openApprovals(run: Run): ApprovalRequested[] {
  return run.approvals.flatMap((approval) =>
    approval.kind === "open" && isOpenApproval(run, approval) ? [approval.asked] : [],
  );
}

/**
 * The first thing that only a person can free, as it was written: an outcome that nobody knows, else an
 * approval. Such a run is parked.
 */
export function needsPerson(run: Run): StepUnknown | ApprovalRequested | undefined {
  for (const step of openInstances(run)) {
    const task = taskAt(run, placeOf(step));
    if (task?.kind === "unknown") {
      const { at, reason, tries } = task;
      return { kind: "step_unknown", at, step, attempt: tries.attempt, reason };
    }
    const call = task?.kind === "asking" ? task.calls[0] : undefined;
    if (task !== undefined && call !== undefined) {
      return { kind: "step_unknown", step, attempt: task.tries.attempt, ...call };
    }
  }
  const approval = run.approvals.find((one) => isOpenApproval(run, one));
  return approval?.kind === "open" ? approval.asked : undefined;
}
