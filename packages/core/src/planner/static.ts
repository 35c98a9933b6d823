/** A definition as authored becomes a plan: durations in milliseconds, defaults and needs written out. */
import type { Effect, Finding, Json, Plan, PlanCatch, PlanStep, StepId } from "@agentflow/protocol";
import { isId } from "@agentflow/protocol";
import type { Catalog, CatalogEntry } from "../plan/catalog.ts";
import { didYouMean } from "../expr/suggest.ts";
import { type Findings, error } from "../plan/findings.ts";
import { expressionsOf } from "../plan/expressions.ts";
import { validatePlan } from "../plan/validate.ts";
import type { ReadStep } from "./read-step.ts";
import { type ReadWorkflow, readWorkflow } from "./read-workflow.ts";

export interface CompileOptions {
  /** First 12 hex digits of the SHA-256 of the definition as authored. */
  readonly version?: string;
}

export interface CompiledWorkflow {
  /** Absent when any finding is an error. */
  readonly plan?: Plan;
  readonly findings: readonly Finding[];
}

/** Takes any value as the definition; what is wrong with it is told all at once, each with a JSON pointer. */
export function compileWorkflow(
  definition: unknown,
  catalog: Catalog,
  options: CompileOptions = {},
): CompiledWorkflow {
  const findings: Findings = { list: [] };
  const read = readWorkflow(definition, findings);
  if (read === undefined) return { findings: findings.list };
  checkNeeds(read, findings);
  const plan = planOf(read, catalog, options.version ?? "");
  const all = [...findings.list, ...validatePlan(plan, catalog)];
  return all.some(({ severity }) => severity === "error") ? { findings: all } : { plan, findings: all };
}

/** Needs that are written; those that expressions read are checked with the expressions. */
function checkNeeds({ steps }: ReadWorkflow, findings: Findings): void {
  const ids = [...steps.keys()];
  for (const step of steps.values()) {
    for (const [i, need] of step.needs.entries()) {
      const path = `/steps/${step.id}/needs/${i}`;
      if (need === step.id) error(findings, { code: "AF106", path, message: `${need} needs itself` });
      else if (!ids.some((id) => id === need)) {
        const message = `there is no step ${JSON.stringify(need.slice(0, 80))}${didYouMean(need, ids)}`;
        error(findings, { code: "AF101", path, message });
      }
    }
  }
}

function planOf(read: ReadWorkflow, catalog: Catalog, version: string): Plan {
  const callers = callersOf(read);
  const steps = [...read.steps.values()].map((step) => {
    const caller = callers.get(step.id);
    return [step.id, planStep(step, { read, catalog, caller })] as const;
  });
  return {
    v: 1,
    kind: "plan",
    workflow: read.name,
    version,
    planner: "static",
    ...(read.input === undefined ? {} : { input: read.input }),
    ...(read.timeoutMs === undefined ? {} : { timeoutMs: read.timeoutMs }),
    ...(read.budget === undefined ? {} : { budget: read.budget }),
    steps: Object.fromEntries(steps),
    output: read.output,
  };
}

interface Around {
  readonly read: ReadWorkflow;
  readonly catalog: Catalog;
  readonly caller: StepId | undefined;
}

function planStep(step: ReadStep, around: Around): PlanStep {
  const entry = entryOf(step, around.catalog);
  const timeoutMs = step.timeoutMs ?? entry?.timeoutMs;
  const caught = catchOf(step, around.read);
  const base = {
    uses: step.uses,
    with: step.with,
    join: step.join,
    effect: effectOf(step, entry),
    pool: step.pool,
    retry: step.retry,
    ...(step.if === undefined ? {} : { if: step.if }),
    ...(step.forEach === undefined ? {} : { forEach: step.forEach }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(caught === undefined ? {} : { catch: caught }),
    ...(step.select === undefined ? {} : { select: step.select }),
    ...(step.approval === undefined ? {} : { approval: step.approval }),
  };
  return { ...base, needs: needsOf(step, { ...base, needs: [] }, around) };
}

/** Written needs, those that expressions read, and a handler's caller; in the plan's order. */
function needsOf(step: ReadStep, def: PlanStep, { read, caller }: Around): StepId[] {
  const wanted = new Set<string>(step.needs);
  for (const { compiled } of expressionsOf(def).compiled) {
    for (const ref of compiled.refs.steps) wanted.add(ref.step);
  }
  if (caller !== undefined) wanted.add(caller);
  wanted.delete(step.id);
  return [...read.steps.keys()].filter((id) => wanted.has(id));
}

function entryOf({ uses }: ReadStep, catalog: Catalog): CatalogEntry | undefined {
  if (uses.kind === "tool") return catalog.tools.get(uses.name);
  return uses.kind === "agent" ? catalog.agents.get(uses.name) : undefined;
}

/** What is not known to be harmless is taken to write. */
function effectOf({ uses }: ReadStep, entry: CatalogEntry | undefined): Effect {
  return uses.kind === "tool" || uses.kind === "agent" ? (entry?.effect ?? "write") : "pure";
}

function catchOf(step: ReadStep, read: ReadWorkflow): PlanCatch | undefined {
  if (step.catch === undefined) return undefined;
  const { when, then } = step.catch;
  const base = when === undefined ? {} : { when };
  const handler = handlerOf(then, read);
  return handler === undefined ? { ...base, value: then } : { ...base, handler };
}

/** A text that names a step is a handler; everything else is a value. */
function handlerOf(then: Json, read: ReadWorkflow): StepId | undefined {
  return isId("step", then) && read.steps.has(then) ? then : undefined;
}

function callersOf(read: ReadWorkflow): Map<StepId, StepId> {
  const callers = new Map<StepId, StepId>();
  for (const step of read.steps.values()) {
    const handler = step.catch === undefined ? undefined : handlerOf(step.catch.then, read);
    if (handler !== undefined && !callers.has(handler)) callers.set(handler, step.id);
  }
  return callers;
}
