/** What a run's inputs are refused with when the run itself was not asked. */
import { AgentFlowError, type TenantId } from "@agentflow/protocol";
import type { Parked } from "./run-actor.ts";
import type { RunRef } from "./run-ref.ts";

export function planMissing(hash: string): Parked {
  return { reason: "plan_missing", message: `the plan ${hash.slice(0, 12)} of this run is not stored` };
}

export function stopping(): AgentFlowError {
  return new AgentFlowError("unavailable", "this control plane is stopping", { reason: "stopping" });
}

/** Ask again: the shard is another control plane's, or soon will be. */
export function shardMoved(shard: string): AgentFlowError {
  return new AgentFlowError("unavailable", `shard ${shard} is not served here any more`, {
    reason: "shard_moved",
    details: { shard, retryAfterMs: 100 },
    suggestions: ["ask again in a moment", "af status: who serves, and whether the bus is there"],
  });
}

export function noOwner(shard: string, cause: AgentFlowError): AgentFlowError {
  return new AgentFlowError("unavailable", `no control plane answers for shard ${shard} now`, {
    reason: "no_owner",
    details: { shard, retryAfterMs: 1_000 },
    suggestions: ["af status"],
    cause,
  });
}

export function forwardsFull(max: number): AgentFlowError {
  return new AgentFlowError("limit_exceeded", `${max} inputs are on their way to other control planes`, {
    reason: "forwards_full",
    details: { max, retryAfterMs: 100 },
  });
}

export function archivedRun({ run }: RunRef): AgentFlowError {
  return new AgentFlowError("already_exists", `run ${run} has ended and is archived`, {
    reason: "run_archived",
    suggestions: [`af run get ${run}`],
  });
}

export function keptChanging({ run }: RunRef): AgentFlowError {
  return new AgentFlowError("conflict", `run ${run} kept changing`, { reason: "conflict_rounds" });
}

export function mailboxFull({ run }: RunRef): AgentFlowError {
  return new AgentFlowError("limit_exceeded", `too much waits for run ${run} already`, {
    reason: "mailbox_full",
    details: { retryAfterMs: 100 },
  });
}

/** No run was started; the same start again finds room once some have ended. */
export function tooManyOpen(tenant: TenantId): AgentFlowError {
  return new AgentFlowError("limit_exceeded", `tenant ${tenant} has as many open tasks as it may`, {
    reason: "too_many_open",
    details: { retryAfterMs: 1_000 },
    suggestions: ["af run list --status running", "raise engine.openTasksMax or engine.openTaskBytesMax"],
  });
}
