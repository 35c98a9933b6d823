/** What sub-agents of earlier attempts have used up: it stands in their journals, and counts for the step. */
import { type TurnState, addUsage, usageOf } from "@agentflow/core/turn";
import { type StepInstance, type UsageTotals, isId, shardOfDigest, subjects } from "@agentflow/protocol";
import { hash } from "node:crypto";
import { Journal } from "./journal.ts";
import type { LoopOptions } from "./loop-types.ts";
import { foldRead } from "./unreadable.ts";

export async function noteEarlier(state: TurnState, of: LoopOptions): Promise<void> {
  for (const step of childrenOf(state, of.step)) of.account.note(step, await usageBelow(step, of));
}

async function usageBelow(step: StepInstance, of: LoopOptions): Promise<UsageTotals> {
  const { task, house, lost } = of.drive;
  const { tenant, run, attempt } = task;
  const shard = shardOfDigest(hash("sha256", run, "buffer"));
  const journal = new Journal({
    log: house.bus.log,
    clock: house.world.clock,
    timers: house.world.timers,
    subject: subjects.turn({ shard, tenant, run, step }),
    attempt,
    signal: lost,
  });
  const state = foldRead(await journal.read());
  let usage = usageOf(state);
  for (const child of childrenOf(state, step)) usage = addUsage(usage, await usageBelow(child, of));
  return usage;
}

function childrenOf(state: TurnState, step: StepInstance): readonly StepInstance[] {
  if (state.kind === "absent") return [];
  return Array.from({ length: state.agentCalls }, (_, k) => `${step}~${k}`).filter((child) =>
    isId("step instance", child),
  );
}
