import type { SandboxApplied } from "@agentflow/protocol";
import type { CallState } from "./state.ts";
import { turnLimits } from "./limits.ts";
import { type Work, emit } from "./work.ts";

interface Loss {
  readonly reason: string;
  readonly sandbox?: SandboxApplied;
}

/** Whoever made the call is gone. It is made again, unless a person must say what it did. */
export function loseCall(work: Work, { call, stage, losses }: CallState, loss: Loss): void {
  const { reason } = loss;
  if (stage.kind !== "under_way") return;
  const { at } = work;
  const { effect, uses } = stage.started;
  if (effect === "irreversible") return emit(work, { kind: "call_unknown", at, call, ...loss });
  emit(work, { kind: "call_lost", at, call, ...loss });
  if (losses + 1 < turnLimits.lossesMax) return;
  const message = `${uses} was lost ${turnLimits.lossesMax} times, the last time because: ${reason}`;
  emit(work, { kind: "call_failed", at, call, failure: { code: "worker_lost", message }, ms: 0 });
}
