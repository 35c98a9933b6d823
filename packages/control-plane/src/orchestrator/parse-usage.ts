/** What workers tell of usage, checked where it enters: sums and tables are made of it. */

type Fields = { readonly [key: string]: unknown };

/** Totals of an attempt, as its result tells them. */
export function isUsage(value: unknown): boolean {
  if (!isTokenUsage(value)) return false;
  return isText(value["usd"]) && isCount(value["modelCalls"]) && isCount(value["toolCalls"]);
}

/** Tokens of one reply. */
export function isTokenUsage(value: unknown): value is Fields {
  if (typeof value !== "object" || value === null) return false;
  const of: Fields = { ...value };
  const isWhole = isCount(of["inputTokens"]) && isCount(of["outputTokens"]);
  return isWhole && rarer.every((name) => of[name] === undefined || isCount(of[name]));
}

const rarer = ["cacheReadTokens", "cacheWriteTokens", "reasoningTokens"] as const;

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
