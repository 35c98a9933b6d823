/** A plan made ready to run: expressions compiled, steps in order, each knowing who waits for it. */
import { AgentFlowError, type Plan, type PlanCatch, type PlanStep, type StepId } from "@agentflow/protocol";
import { parseId } from "@agentflow/protocol";
import { type Formula, expressionFormula, templateFormula } from "./formula.ts";
import { topologicalOrder } from "./order.ts";

export interface PreparedPlan {
  readonly plan: Plan;
  /** Every step, each after all that it needs. */
  readonly order: readonly PreparedStep[];
  readonly steps: ReadonlyMap<StepId, PreparedStep>;
  readonly output: Formula;
}

export interface PreparedStep {
  readonly id: StepId;
  /** Its place in the order. */
  readonly index: number;
  readonly def: PlanStep;
  readonly join: PreparedJoin;
  readonly with: Formula;
  readonly if?: Formula;
  readonly approvalText?: Formula;
  readonly forEach?: {
    readonly in: Formula;
    readonly names: readonly string[];
    readonly maxParallel: number;
  };
  readonly catch?: PreparedCatch;
  /** Steps that wait for this one; a handler is called, it does not wait. */
  readonly dependents: readonly PreparedStep[];
  /** The step whose catch calls this one. */
  readonly handlerOf?: StepId;
  /** A failure of it ends no run: others wait for it, and each of them can go on without. */
  readonly mayFail: boolean;
}

export type PreparedJoin =
  | { readonly kind: "all" | "settled" }
  | { readonly kind: "count"; readonly n: number };

export interface PreparedCatch {
  readonly when?: Formula;
  readonly handler?: StepId;
  readonly value?: Formula;
}

/** Costs about what compiling its expressions costs: keep the outcome by the plan's hash. */
export function preparePlan(plan: Plan): PreparedPlan {
  const ids = Object.keys(plan.steps).map((id) => parseId("step", id));
  const { order, cycle } = topologicalOrder(new Map(ids.map((id) => [id, plan.steps[id]?.needs ?? []])));
  if (cycle !== undefined) throw unusable(`its steps form a cycle: ${cycle.join(" → ")}`);
  const callers = callersOf(plan, ids);
  const steps = new Map<StepId, Building>();
  for (const [index, name] of order.entries()) {
    const id = parseId("step", name);
    const def = plan.steps[id];
    if (def !== undefined) steps.set(id, build({ id, index, def, caller: callers.get(id) }));
  }
  for (const step of steps.values()) link(step, steps);
  for (const step of steps.values()) step.mayFail = canGoOnWithout(step);
  return { plan, order: [...steps.values()], steps, output: templateFormula(plan.output) };
}

interface Building extends PreparedStep {
  readonly dependents: PreparedStep[];
  mayFail: boolean;
}

interface Named {
  readonly id: StepId;
  readonly index: number;
  readonly def: PlanStep;
  readonly caller: StepId | undefined;
}

function build({ id, index, def, caller }: Named): Building {
  const names = def.forEach === undefined ? [] : [def.forEach.as];
  return {
    id,
    index,
    def,
    join: joinOf(def),
    with: templateFormula(def.with, names),
    ...(def.if === undefined ? {} : { if: expressionFormula(def.if) }),
    ...(def.approval?.text === undefined ? {} : { approvalText: templateFormula(def.approval.text, names) }),
    ...forEachOf(def, names),
    ...(def.catch === undefined ? {} : { catch: catchOf(def.catch) }),
    dependents: [],
    ...(caller === undefined ? {} : { handlerOf: caller }),
    mayFail: false,
  };
}

function forEachOf(def: PlanStep, names: readonly string[]): Pick<PreparedStep, "forEach"> {
  if (def.forEach === undefined) return {};
  const { in: source, maxParallel } = def.forEach;
  return { forEach: { in: expressionFormula(source), names, maxParallel } };
}

function joinOf({ join }: PlanStep): PreparedJoin {
  if (join === "all" || join === "settled") return { kind: join };
  return { kind: "count", n: join === "any" ? 1 : Number(join.slice(2)) };
}

function catchOf(given: PlanCatch): PreparedCatch {
  const when = given.when === undefined ? {} : { when: expressionFormula(given.when) };
  return "handler" in given
    ? { ...when, handler: given.handler }
    : { ...when, value: templateFormula(given.value) };
}

function callersOf(plan: Plan, ids: readonly StepId[]): Map<StepId, StepId> {
  const callers = new Map<StepId, StepId>();
  for (const id of ids) {
    const given = plan.steps[id]?.catch;
    if (given !== undefined && "handler" in given) callers.set(given.handler, id);
  }
  return callers;
}

function link(step: Building, steps: ReadonlyMap<StepId, Building>): void {
  if (step.handlerOf !== undefined) return;
  for (const need of step.def.needs) {
    const before = steps.get(need);
    if (before === undefined) throw unusable(`step ${step.id} needs ${need}, which it does not have`);
    before.dependents.push(step);
  }
}

function canGoOnWithout({ dependents, handlerOf }: PreparedStep): boolean {
  if (handlerOf !== undefined || dependents.length === 0) return false;
  return dependents.every(({ join }) => join.kind !== "all");
}

function unusable(message: string): AgentFlowError {
  return new AgentFlowError("internal", `the plan cannot be used: ${message}`, {
    reason: "plan_incompatible",
  });
}
