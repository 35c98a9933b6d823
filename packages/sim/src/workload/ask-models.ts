/** Workflows in which models do some of the work. */
import type { SeededRandom } from "@agentflow/host/virtual";
import { chance } from "./generate.ts";
import type { StepSpec, WorkflowSpec } from "./spec.ts";

/** Drawn apart from everything else: what other scenarios do stays as it is. */
export function askModels(spec: WorkflowSpec, dice: SeededRandom): WorkflowSpec {
  const steps = spec.steps.map((step) => withModel(step, dice));
  const { timeoutMs: _timeoutMs, ...rest } = spec;
  const timed = chance(dice, 6) ? { timeoutMs: 6_000 + dice.int(30_000) } : {};
  return { ...rest, ...timed, steps, ...(chance(dice, 10) ? { tokens: 5_000 + dice.int(60_000) } : {}) };
}

function withModel(step: StepSpec, dice: SeededRandom): StepSpec {
  const may = step.kind === "add" || (step.kind === "each" && chance(dice, 30));
  if (!may || step.handlerOf !== undefined || chance(dice, 30)) return step;
  const { timeoutMs: _timeoutMs, ...rest } = step;
  return {
    ...rest,
    solves: true,
    fails: 0,
    hangs: 0,
    attemptsMax: 1 + dice.int(3),
    ...(chance(dice, 12) ? { timeoutMs: 1_500 + dice.int(5_000) } : {}),
    ...(chance(dice, 8) ? { approval: { expiresMs: 2_000 + dice.int(8_000) } } : {}),
  };
}
