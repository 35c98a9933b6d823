import { type Plan, type PlanStep, type StepId, parseId } from "@agentflow/protocol";
import { type Expressions, expressionsOf, ofTemplate } from "./expressions.ts";

/** A plan with its expressions taken out and its handlers known: what every check looks at. */
export interface InspectedPlan {
  readonly plan: Plan;
  readonly steps: ReadonlyMap<StepId, InspectedStep>;
  readonly output: Expressions;
}

export interface InspectedStep {
  readonly id: StepId;
  readonly def: PlanStep;
  readonly expressions: Expressions;
  /** Every step whose catch names this one; more than one is a fault. */
  readonly callers: readonly StepId[];
}

export function inspectPlan(plan: Plan): InspectedPlan {
  const callers = new Map<StepId, StepId[]>();
  const defs = Object.entries(plan.steps).map(([id, def]) => ({ id: parseId("step", id), def }));
  for (const { id, def } of defs) {
    if (def.catch === undefined || !("handler" in def.catch)) continue;
    callers.set(def.catch.handler, [...(callers.get(def.catch.handler) ?? []), id]);
  }
  const steps = defs.map(({ id, def }) => {
    const step = { id, def, expressions: expressionsOf(def), callers: callers.get(id) ?? [] };
    return [id, step] as const;
  });
  return { plan, steps: new Map(steps), output: ofTemplate(plan.output, "/output", []) };
}

export function stepPath(id: string, rest = ""): string {
  return `/steps/${id}${rest}`;
}
