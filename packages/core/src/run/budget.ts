/** What a run may use up, shared among the agents that work on it. */
import type { StepId, StepInstance, TaskBudget, UsageTotals } from "@agentflow/protocol";
import type { PreparedPlan, PreparedStep } from "../plan/prepare.ts";
import type { MutableRun } from "./draft.ts";
import { taskAt } from "./evolve-attempt.ts";
import { placeOf } from "./place.ts";
import { type RunningTask, type Tries, isEnded, noTries } from "./state.ts";
import { openInstances } from "./stop.ts";
import { parseUsd, tokensOf, usdText } from "./usage.ts";

export type Share =
  | { readonly ok: true; readonly budget?: TaskBudget }
  | { readonly ok: false; readonly message: string };

/**
 * What an attempt of an agent's step may use up. What is left of the run's budget, without what running
 * agents were given and have not told of yet, is divided equally among this step and every agent's step that
 * may run beside it: those that have not ended, hold nothing now and do not come after it. In a chain each
 * agent is given all that is left; what one does not use is there for the next.
 */
export function shareOf(plan: PreparedPlan, run: MutableRun, instance: StepInstance): Share {
  const { budget } = plan.plan;
  const step = plan.steps.get(placeOf(instance).id);
  if (budget === undefined || step?.def.uses.kind !== "agent") return { ok: true };
  const own = triesOfInstance(run, instance).usage;
  const given = givenTo(run, instance);
  const shares = sharers(plan, run, step);
  const tokens =
    budget.tokens === undefined ? undefined : shareOfTokens(budget.tokens, { run, given, shares });
  const usd = budget.usd === undefined ? undefined : shareOfUsd(parseUsd(budget.usd), { run, given, shares });
  if (tokens !== undefined && tokens < 1) {
    return { ok: false, message: `nothing is left of the run's ${budget.tokens} tokens` };
  }
  if (usd !== undefined && usd <= 0n) {
    return { ok: false, message: `nothing is left of the run's ${budget.usd} US dollars` };
  }
  return {
    ok: true,
    budget: {
      ...(tokens === undefined ? {} : { tokens: tokens + tokensOf(own) }),
      ...(usd === undefined ? {} : { usd: usdText(usd + parseUsd(own?.usd ?? "0")) }),
    },
  };
}

interface Given {
  readonly budget: TaskBudget;
  readonly usage: UsageTotals | undefined;
}

interface Sharing {
  readonly run: MutableRun;
  readonly given: readonly Given[];
  readonly shares: number;
}

function shareOfTokens(all: number, { run, given, shares }: Sharing): number {
  const out = given.map(({ budget, usage }) => Math.max(0, (budget.tokens ?? 0) - tokensOf(usage)));
  const left = all - tokensOf(run.usage) - out.reduce((sum, tokens) => sum + tokens, 0);
  return Math.floor(left / shares);
}

function shareOfUsd(all: bigint, { run, given, shares }: Sharing): bigint {
  let left = all - parseUsd(run.usage?.usd ?? "0");
  for (const { budget, usage } of given) {
    const out = parseUsd(budget.usd ?? "0") - parseUsd(usage?.usd ?? "0");
    if (out > 0n) left -= out;
  }
  return left / BigInt(shares);
}

/** What other running agents hold. */
function givenTo(run: MutableRun, except: StepInstance): Given[] {
  return openInstances(run).flatMap((instance) => {
    const task = instance === except ? undefined : taskAt(run, placeOf(instance));
    if (!isGiven(task)) return [];
    return [{ budget: task.budget, usage: task.tries.usage }];
  });
}

function isGiven(task: object | undefined): task is RunningTask & { readonly budget: TaskBudget } {
  return task !== undefined && "budget" in task && task.budget !== undefined;
}

function triesOfInstance(run: MutableRun, instance: StepInstance): Tries {
  return taskAt(run, placeOf(instance))?.tries ?? noTries;
}

/** This attempt, and as many as could be sent beside it. */
function sharers(plan: PreparedPlan, run: MutableRun, step: PreparedStep): number {
  const after = behind(step);
  let count = 0;
  for (const one of plan.order) {
    const isBeside = one.def.uses.kind === "agent" && !after.has(one.id) && one.handlerOf === undefined;
    if (isBeside && one !== step) count += slotsOf(run, one);
  }
  return count + Math.max(1, slotsOf(run, step));
}

/** Attempts of a step that may be sent yet, at the same time. */
function slotsOf(run: MutableRun, { id, forEach }: PreparedStep): number {
  const state = run.steps.get(id);
  if (state === undefined) return forEach?.maxParallel ?? 1;
  if (isEnded(state)) return 0;
  if (state.kind !== "expanded") return isGiven(state) || state.kind === "catching" ? 0 : 1;
  const holding = state.items.filter(isGiven).length;
  const left = state.count - state.done - holding;
  return Math.max(0, Math.min(left, (forEach?.maxParallel ?? 1) - holding));
}

function behind(step: PreparedStep): Set<StepId> {
  const found = new Set<StepId>();
  const open = [...step.dependents];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (found.has(at.id)) continue;
    found.add(at.id);
    open.push(...at.dependents);
  }
  return found;
}
