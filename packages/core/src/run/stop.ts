import { type StepInstance, type StopTask, itemInstance, wholeStep } from "@agentflow/protocol";
import { taskAt } from "./evolve-attempt.ts";
import { placeOf } from "./place.ts";
import type { ActiveRun } from "./state.ts";

/** The command that takes an open attempt's task back; undefined when none is out. */
export function stopTask(run: Pick<ActiveRun, "steps">, instance: StepInstance): StopTask | undefined {
  const task = taskAt(run, placeOf(instance));
  if (task?.kind !== "running") return undefined;
  const { input, n, tries } = task;
  return { kind: "stop_task", step: instance, attempt: tries.attempt, input, n };
}

/** Takes back every task that is out. */
export function stopAll(run: Pick<ActiveRun, "steps">): StopTask[] {
  return openInstances(run).flatMap((instance) => stopTask(run, instance) ?? []);
}

/** Every step and item that is with a worker or will be again. */
export function openInstances(run: Pick<ActiveRun, "steps">): StepInstance[] {
  const open: StepInstance[] = [];
  for (const [id, state] of run.steps) {
    if (state.kind !== "expanded") {
      if (taskAt(run, { id, item: undefined }) !== undefined) open.push(wholeStep(id));
      continue;
    }
    for (const [n, item] of state.items.entries()) {
      if (item !== undefined && "since" in item) open.push(itemInstance(id, n));
    }
  }
  return open;
}
