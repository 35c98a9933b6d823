/** Workflows that ask people: approvals before tasks, and agents that wait for answers about their calls. */
import type { SeededRandom } from "@agentflow/host/virtual";
import { chance } from "./generate.ts";
import type { StepSpec, WorkflowSpec } from "./spec.ts";

/** Drawn apart from everything else: what other scenarios do stays as it is. */
export function askPeople(spec: WorkflowSpec, dice: SeededRandom): WorkflowSpec {
  return { ...spec, steps: spec.steps.map((step) => withPeople(step, dice)) };
}

function withPeople(step: StepSpec, dice: SeededRandom): StepSpec {
  const isTask = step.kind === "add" || step.kind === "pay" || step.kind === "big" || step.kind === "each";
  if (!isTask) return step;
  const expiresMs = chance(dice, 40) ? 1_000 + dice.int(4_000) : 10_000 + dice.int(20_000);
  const asked = chance(dice, 35) ? { approval: { expiresMs } } : {};
  if (step.kind !== "add" || !chance(dice, 50)) return { ...step, ...asked };
  const thinks = { kind: "think", asks: 1 + dice.int(2), fails: 0, hangs: 0 } as const;
  return { ...step, ...thinks, ...asked };
}
