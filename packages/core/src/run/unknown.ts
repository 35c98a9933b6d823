import type { StepUnknown } from "@agentflow/protocol";
import { taskAt } from "./evolve-attempt.ts";
import { placeOf } from "./place.ts";
import type { ActiveRun } from "./state.ts";
import { openInstances } from "./stop.ts";

/** The first step whose outcome nobody knows, as it was written: such a run waits for a person. */
export function unknownStep(run: Pick<ActiveRun, "steps">): StepUnknown | undefined {
  for (const step of openInstances(run)) {
    const task = taskAt(run, placeOf(step));
    if (task?.kind !== "unknown") continue;
    const { at, reason, tries } = task;
    return { kind: "step_unknown", at, step, attempt: tries.attempt, reason };
  }
  return undefined;
}
