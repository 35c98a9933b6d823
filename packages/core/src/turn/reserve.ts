/** What a model call may use at most, set aside before it is made. */
import type { Failure, Instant, ModelCalled } from "@agentflow/protocol";
import { showDuration, unixMs } from "@agentflow/protocol";
import { sinceTakeover } from "./evolve.ts";
import { toldChars, tokensOf } from "./lengths.ts";
import { turnLimits } from "./limits.ts";
import { affordableTokens, costOf, isMoreUsd, leftUsd, usdOf } from "./money.ts";
import type { TurnRules } from "./rules.ts";
import type { Loop, TurnState } from "./state.ts";

export type Reservation =
  | {
      readonly kind: "reserved";
      readonly reserved: ModelCalled["reserved"];
      /** Absent when neither the agent nor a budget says how long the reply may be. */
      readonly maxOutputTokens?: number;
    }
  | { readonly kind: "exhausted"; readonly failure: Failure };

type Budget = "turns" | "tokens" | "usd" | "time";

/** Of the agent's limits and the step's budget, the one that leaves less holds. */
export function reserve(loop: Loop, rules: TurnRules, call: { model: string; at: Instant }): Reservation {
  const { limits, maxOutputTokens } = rules.spec;
  if (loop.replies >= limits.turns) return exhausted("turns", loop.replies, limits.turns);
  const late = timeExhausted(loop, rules, call.at);
  if (late !== undefined) return { kind: "exhausted", failure: late };
  const prompt = promptTokens(loop, rules);
  const wanted = maxOutputTokens ?? turnLimits.outputTokensDefault;
  const least = Math.min(wanted, turnLimits.outputTokensMin);
  const tokens = byTokens(loop, rules, prompt);
  if (tokens !== undefined && tokens.left < least) return exhausted("tokens", tokens.used, tokens.limit);
  const usd = byUsd(loop, rules, { prompt, model: call.model });
  if (usd !== undefined && usd.left < least) return exhausted("usd", usd.used, usd.limit);
  const output = Math.min(wanted, tokens?.left ?? wanted, usd?.left ?? wanted);
  const isBound = maxOutputTokens !== undefined || tokens !== undefined || usd !== undefined;
  const price = rules.models.get(call.model)?.price;
  const cost =
    price === undefined ? {} : { usd: costOf(price, { inputTokens: prompt, outputTokens: output }) };
  const reserved = { tokens: prompt + output, ...cost };
  return { kind: "reserved", reserved, ...(isBound ? { maxOutputTokens: output } : {}) };
}

/** The failure of an agent whose own time is up. */
export function timeExhausted(loop: Loop, { spec }: TurnRules, at: Instant): Failure | undefined {
  const { timeMs } = spec.limits;
  const workedMs = loop.workedMs + sinceTakeover(loop, at);
  return timeMs !== undefined && workedMs >= timeMs ? failureOf("time", workedMs, timeMs) : undefined;
}

/** When the agent's time or the step's is up, in Unix milliseconds; whoever drives the loop stops it then. */
export function turnDeadline(state: TurnState, { spec, deadline }: TurnRules): number | undefined {
  const { timeMs } = spec.limits;
  const isOpen = timeMs !== undefined && state.kind === "active";
  const own = isOpen ? unixMs(state.tookOverAt) + timeMs - state.workedMs : Infinity;
  const first = Math.min(own, deadline === undefined ? Infinity : unixMs(deadline));
  return Number.isFinite(first) ? first : undefined;
}

/** By length, and by what the model counted last time: it knows better, but not what was said since. */
function promptTokens(loop: Loop, { callables }: TurnRules): number {
  const tools = [...callables].map(([name, { description, input }]) => ({ name, description, input }));
  const byLength = tokensOf(loop.chars + toldChars(tools));
  if (loop.counted === undefined) return byLength;
  const { tokens, chars } = loop.counted;
  return Math.max(byLength, tokens + tokensOf(loop.chars - chars));
}

interface Left {
  /** Tokens of output. */
  readonly left: number;
  readonly used: number | string;
  readonly limit: number | string;
}

function byTokens({ spent }: Loop, { spec, budget }: TurnRules, prompt: number): Left | undefined {
  const limit = Math.min(spec.limits.tokens ?? Infinity, budget?.tokens ?? Infinity);
  if (!Number.isFinite(limit)) return undefined;
  const used = spent.inputTokens + spent.outputTokens;
  return { left: limit - used - prompt, used, limit };
}

/** A model without a price cannot be held to an amount: its calls are told apart as `unpriced`. */
function byUsd(
  { spent }: Loop,
  { spec, budget, models }: TurnRules,
  { prompt, model }: { readonly prompt: number; readonly model: string },
): Left | undefined {
  const price = models.get(model)?.price;
  const limit = lessUsd(spec.limits.usd === undefined ? undefined : usdOf(spec.limits.usd), budget?.usd);
  if (price === undefined || limit === undefined) return undefined;
  const left = leftUsd(limit, spent.usd);
  const input = costOf(price, { inputTokens: prompt, outputTokens: 0 });
  const base = { used: spent.usd, limit };
  if (isMoreUsd(spent.usd, limit) || isMoreUsd(input, left)) return { ...base, left: -1 };
  return { ...base, left: affordableTokens(price, leftUsd(left, input)) ?? Infinity };
}

function lessUsd(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return isMoreUsd(a, b) ? b : a;
}

function exhausted(budget: Budget, used: number | string, limit: number | string): Reservation {
  return { kind: "exhausted", failure: failureOf(budget, used, limit) };
}

function failureOf(budget: Budget, used: number | string, limit: number | string): Failure {
  const what = { turns: limit === 1 ? " turn" : " turns", tokens: " tokens", usd: " US dollars", time: "" };
  const shown = (amount: number | string): string =>
    budget === "time" ? showDuration(Number(amount)) : String(amount);
  const message =
    `the next model call would go beyond the limit of ${shown(limit)}${what[budget]}, ` +
    `${shown(used)} of it used so far; ` +
    "raise the agent's `limits` or the workflow's `budgets`";
  return { code: "budget_exhausted", message, details: { budget, used, limit } };
}
