/** What a journal has used up. */
import type { ModelCalled, ModelReplied, UsageTotals } from "@agentflow/protocol";
import { addUsd } from "./money.ts";
import { type Spent, type TurnState, noneSpent } from "./state.ts";

export function spentOnReply(spent: Spent, { reply: { usage }, usd }: ModelReplied): Spent {
  return {
    ...spent,
    inputTokens: spent.inputTokens + usage.inputTokens,
    outputTokens: spent.outputTokens + usage.outputTokens,
    cacheReadTokens: spent.cacheReadTokens + (usage.cacheReadTokens ?? 0),
    cacheWriteTokens: spent.cacheWriteTokens + (usage.cacheWriteTokens ?? 0),
    reasoningTokens: spent.reasoningTokens + (usage.reasoningTokens ?? 0),
    usd: usd === undefined ? spent.usd : addUsd(spent.usd, usd),
    unpriced: spent.unpriced || usd === undefined,
  };
}

/** What was set aside counts: nobody knows how much of it was used. */
export function spentOnLost(spent: Spent, asking: ModelCalled | undefined): Spent {
  if (asking === undefined) return spent;
  const { tokens, usd } = asking.reserved;
  return {
    ...spent,
    inputTokens: spent.inputTokens + tokens,
    usd: usd === undefined ? spent.usd : addUsd(spent.usd, usd),
    unpriced: spent.unpriced || usd === undefined,
  };
}

/** Of this journal alone: sub-agents have their own. Tokens set aside for lost replies count as input. */
export function usageOf(state: TurnState): UsageTotals {
  const spent = state.kind === "absent" ? noneSpent : state.spent;
  const { cacheReadTokens, cacheWriteTokens, reasoningTokens } = spent;
  return {
    inputTokens: spent.inputTokens,
    outputTokens: spent.outputTokens,
    ...(cacheReadTokens > 0 ? { cacheReadTokens } : {}),
    ...(cacheWriteTokens > 0 ? { cacheWriteTokens } : {}),
    ...(reasoningTokens > 0 ? { reasoningTokens } : {}),
    modelCalls: state.kind === "absent" ? 0 : state.modelCalls,
    toolCalls: spent.toolCalls,
    usd: spent.usd,
    ...(spent.unpriced ? { unpriced: true } : {}),
  };
}

/** Of several journals together. */
export function addUsage(a: UsageTotals, b: UsageTotals): UsageTotals {
  const sum = (key: "cacheReadTokens" | "cacheWriteTokens" | "reasoningTokens") => {
    const tokens = (a[key] ?? 0) + (b[key] ?? 0);
    return tokens > 0 ? { [key]: tokens } : {};
  };
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    ...sum("cacheReadTokens"),
    ...sum("cacheWriteTokens"),
    ...sum("reasoningTokens"),
    modelCalls: a.modelCalls + b.modelCalls,
    toolCalls: a.toolCalls + b.toolCalls,
    usd: addUsd(a.usd, b.usd),
    ...(a.unpriced === true || b.unpriced === true ? { unpriced: true } : {}),
  };
}
