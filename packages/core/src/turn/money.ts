/** US dollars as decimal strings, reckoned in whole millionths of a millionth: sums are exact. */
import type { PriceDefinition, Usage } from "@agentflow/protocol";

const digits = 12;
const one = 10n ** BigInt(digits);

/** A price is given for a million tokens: a token's is as many of our units as the price has millionths. */
const unitsPerDollarOfPrice = 1_000_000;

export const noUsd = "0";

export function addUsd(a: string, b: string): string {
  return toUsd(toUnits(a) + toUnits(b));
}

/** What is left of an amount; nothing when more was spent. */
export function leftUsd(limit: string, spent: string): string {
  return toUsd(toUnits(limit) - toUnits(spent));
}

export function isMoreUsd(a: string, b: string): boolean {
  return toUnits(a) > toUnits(b);
}

/** A limit as authored, a number of dollars. */
export function usdOf(amount: number): string {
  return toUsd(BigInt(Math.round(amount * 1e9)) * 1_000n);
}

export function costOf(price: PriceDefinition, usage: Usage): string {
  const read = Math.min(usage.cacheReadTokens ?? 0, usage.inputTokens);
  const written = Math.min(usage.cacheWriteTokens ?? 0, usage.inputTokens - read);
  const plain = usage.inputTokens - read - written;
  const units =
    BigInt(plain) * perToken(price.input) +
    BigInt(read) * perToken(price.cacheRead ?? price.input) +
    BigInt(written) * perToken(price.cacheWrite ?? price.input) +
    BigInt(usage.outputTokens) * perToken(price.output);
  return toUsd(units);
}

/** How many tokens of output the amount pays for; undefined when they cost nothing. */
export function affordableTokens(price: PriceDefinition, usd: string): number | undefined {
  const each = perToken(price.output);
  return each === 0n ? undefined : Number(toUnits(usd) / each);
}

function perToken(price: number): bigint {
  return BigInt(Math.round(price * unitsPerDollarOfPrice));
}

function toUnits(usd: string): bigint {
  const [whole = "0", rest = ""] = usd.split(".");
  return BigInt(whole) * one + BigInt(rest.slice(0, digits).padEnd(digits, "0"));
}

function toUsd(units: bigint): string {
  if (units <= 0n) return noUsd;
  const rest = (units % one).toString().padStart(digits, "0").replace(/0+$/, "");
  const whole = (units / one).toString();
  return rest === "" ? whole : `${whole}.${rest}`;
}
