import type { StepId } from "@agentflow/protocol";
import type { PreparedStep } from "../plan/prepare.ts";
import { type StepState, isEnded } from "./state.ts";
import { unreachable } from "./unreachable.ts";

/** Whether a step may begin: the states of its needs under its join. A handler waits to be called. */
export function joinState(
  step: PreparedStep,
  steps: ReadonlyMap<StepId, StepState>,
): "ready" | "wait" | "unmet" {
  const { join, handlerOf, def } = step;
  if (handlerOf !== undefined) return steps.get(handlerOf)?.kind === "catching" ? "ready" : "wait";
  let good = 0;
  let pending = 0;
  let bad = 0;
  for (const need of def.needs) {
    const state = steps.get(need);
    if (state === undefined || !isEnded(state)) pending++;
    else if (state.kind === "succeeded" || state.kind === "caught") good++;
    else if (state.kind !== "skipped") bad++;
  }
  switch (join.kind) {
    case "all":
      if (bad > 0) return "unmet";
      return pending > 0 ? "wait" : "ready";
    case "settled":
      return pending > 0 ? "wait" : "ready";
    case "count":
      if (good >= join.n) return "ready";
      return good + pending < join.n ? "unmet" : "wait";
    default:
      return unreachable(join);
  }
}
