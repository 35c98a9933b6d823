/** What was used up, as people read it. */
import type { UsageTotals } from "@agentflow/protocol";

/** `1,234 in, 56 out, 3 model calls, 2 tool calls, $0.0123`. */
export function usageText(usage: UsageTotals): string {
  const { inputTokens, outputTokens, modelCalls, toolCalls } = usage;
  const parts = [
    `${inputTokens} tokens in`,
    `${outputTokens} out`,
    `${modelCalls} model ${modelCalls === 1 ? "call" : "calls"}`,
    `${toolCalls} tool ${toolCalls === 1 ? "call" : "calls"}`,
  ];
  const isFree = Number(usage.usd) === 0;
  if (usage.unpriced === true && isFree) return `${parts.join(", ")}, models without a price`;
  return `${parts.join(", ")}, $${usdText(usage)}`;
}

/** At least two digits behind the point, at most six; a star when some calls had no price. */
export function usdText({ usd, unpriced }: UsageTotals): string {
  const amount = Number(usd);
  const text = Number.isFinite(amount) ? amount.toFixed(6).replace(/0{1,4}$/, "") : usd;
  return unpriced === true ? `${text}*` : text;
}
