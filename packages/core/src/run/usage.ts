/** Sums of what models and tools have used up. Money is added up in whole millionths of a millionth. */
import type { UsageTotals } from "@agentflow/protocol";

export const noUsage: UsageTotals = {
  inputTokens: 0,
  outputTokens: 0,
  modelCalls: 0,
  toolCalls: 0,
  usd: "0",
};

export function addUsage(a: UsageTotals | undefined, b: UsageTotals | undefined): UsageTotals | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return combined(a, b, 1);
}

/** A step tells its totals, earlier attempts included: the new ones take the place of the old. */
export function replaceUsage(
  total: UsageTotals | undefined,
  { old, now }: { readonly old: UsageTotals | undefined; readonly now: UsageTotals },
): UsageTotals {
  const before = total ?? noUsage;
  return combined(old === undefined ? before : combined(before, old, -1), now, 1);
}

export function tokensOf(usage: UsageTotals | undefined): number {
  return usage === undefined ? 0 : usage.inputTokens + usage.outputTokens;
}

const scale = 12;
const one = 10n ** BigInt(scale);
const decimal = /^(-?)(\d+)(?:\.(\d+))?$/;

/** What is no decimal counts as nothing: a worker's word must not stop a run. */
export function parseUsd(text: string): bigint {
  const [, sign, whole = "0", rest = ""] = decimal.exec(text) ?? [];
  const parts = BigInt(whole) * one + BigInt(rest.slice(0, scale).padEnd(scale, "0"));
  return sign === "-" ? -parts : parts;
}

export function usdText(parts: bigint): string {
  const sign = parts < 0n ? "-" : "";
  const size = parts < 0n ? -parts : parts;
  const rest = (size % one).toString().padStart(scale, "0").replace(/0+$/, "");
  return `${sign}${size / one}${rest === "" ? "" : `.${rest}`}`;
}

function combined(a: UsageTotals, b: UsageTotals, sign: 1 | -1): UsageTotals {
  const sum = (x: number | undefined, y: number | undefined): number =>
    Math.max(0, (x ?? 0) + sign * (y ?? 0));
  const cacheRead = sum(a.cacheReadTokens, b.cacheReadTokens);
  const cacheWrite = sum(a.cacheWriteTokens, b.cacheWriteTokens);
  const reasoning = sum(a.reasoningTokens, b.reasoningTokens);
  return {
    inputTokens: sum(a.inputTokens, b.inputTokens),
    outputTokens: sum(a.outputTokens, b.outputTokens),
    ...(cacheRead === 0 ? {} : { cacheReadTokens: cacheRead }),
    ...(cacheWrite === 0 ? {} : { cacheWriteTokens: cacheWrite }),
    ...(reasoning === 0 ? {} : { reasoningTokens: reasoning }),
    modelCalls: sum(a.modelCalls, b.modelCalls),
    toolCalls: sum(a.toolCalls, b.toolCalls),
    usd: usdText(parseUsd(a.usd) + BigInt(sign) * parseUsd(b.usd)),
    ...(a.unpriced === true || b.unpriced === true ? { unpriced: true } : {}),
  };
}
