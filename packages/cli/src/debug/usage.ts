import type { Usage, UsageTotals } from "@agentflow/protocol";

export const noUsage: UsageTotals = {
  inputTokens: 0,
  outputTokens: 0,
  modelCalls: 0,
  toolCalls: 0,
  usd: "0",
};

export interface More extends Usage {
  /** Absent: it has no price. */
  readonly usd?: string | undefined;
  readonly calls?: number;
  readonly toolCalls?: number;
}

export function addUsage(to: UsageTotals, more: More): UsageTotals {
  const optional = (key: "cacheReadTokens" | "cacheWriteTokens" | "reasoningTokens") => {
    const sum = (to[key] ?? 0) + (more[key] ?? 0);
    return sum === 0 ? {} : { [key]: sum };
  };
  return {
    inputTokens: to.inputTokens + more.inputTokens,
    outputTokens: to.outputTokens + more.outputTokens,
    ...optional("cacheReadTokens"),
    ...optional("cacheWriteTokens"),
    ...optional("reasoningTokens"),
    modelCalls: to.modelCalls + (more.calls ?? 0),
    toolCalls: to.toolCalls + (more.toolCalls ?? 0),
    usd: addUsd(to.usd, more.usd ?? "0"),
    ...(to.unpriced === true || more.usd === undefined ? { unpriced: true } : {}),
  };
}

const places = 12;

/** Decimal strings of dollars, added without rounding up to a millionth of a millionth. */
export function addUsd(a: string, b: string): string {
  const sum = units(a) + units(b);
  const rest = (sum % 10n ** BigInt(places)).toString().padStart(places, "0").replace(/0+$/, "");
  const whole = (sum / 10n ** BigInt(places)).toString();
  return rest === "" ? whole : `${whole}.${rest}`;
}

function units(usd: string): bigint {
  const [, whole = "0", rest = ""] = /^(\d{1,15})(?:\.(\d{1,30}))?$/.exec(usd) ?? [];
  return BigInt(whole) * 10n ** BigInt(places) + BigInt(rest.slice(0, places).padEnd(places, "0"));
}

/** Money as people read it: cents, and more digits only where it is less. */
export function showUsd(usd: string): string {
  const amount = Number(usd);
  if (amount === 0) return "$0";
  if (amount >= 0.995) return `$${amount.toFixed(2)}`;
  return `$${amount.toPrecision(2).includes("e") ? amount.toFixed(8) : amount.toPrecision(2)}`;
}

export function showTokens({ inputTokens, outputTokens }: Usage): string {
  return `${count(inputTokens)}→${count(outputTokens)}`;
}

function count(tokens: number): string {
  if (tokens < 10_000) return String(tokens);
  return tokens < 1_000_000 ? `${Math.round(tokens / 1_000)}k` : `${(tokens / 1_000_000).toFixed(1)}M`;
}
