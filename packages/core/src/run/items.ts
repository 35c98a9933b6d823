import type { Json, RunStarted, StepId } from "@agentflow/protocol";
import type { PreparedStep } from "../plan/prepare.ts";
import { type Evaluated, evaluateJson } from "./evaluate.ts";
import { runLimits } from "./limits.ts";
import type { Sight } from "./scope.ts";

/**
 * The items of a forEach step. They follow from what the step saw when it was opened, so they are always the
 * same; they are kept beside the run's first event for as long as that is in memory.
 */
export function itemsOf(step: PreparedStep, sight: Sight): Evaluated<readonly Json[]> {
  const { started } = sight.run;
  const lists = known.get(started) ?? new Map<StepId, readonly Json[]>();
  const list = lists.get(step.id);
  if (list !== undefined) return { ok: true, value: list };
  const made = evaluateItems(step, sight);
  if (made.ok) known.set(started, lists.set(step.id, made.value));
  return made;
}

const known = new WeakMap<RunStarted, Map<StepId, readonly Json[]>>();

function evaluateItems(step: PreparedStep, sight: Sight): Evaluated<readonly Json[]> {
  if (step.forEach === undefined) return { ok: true, value: [] };
  const result = evaluateJson(step.forEach.in, { sight, where: "forEach.in" });
  if (!result.ok) return result;
  if (!isList(result.value)) {
    const message = "forEach.in: the expression gave no list";
    return { ok: false, failure: { code: "expression_failed", message, details: { where: "forEach.in" } } };
  }
  if (result.value.length <= runLimits.itemsMax) return { ok: true, value: result.value };
  const message = `forEach.in: ${result.value.length} items, at most ${runLimits.itemsMax} are allowed`;
  return { ok: false, failure: { code: "limit_exceeded", message } };
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
