/**
 * What models cost, in US dollars for a million tokens: list prices as their providers publish them, plain
 * data. A model that is not here has no price; nothing is guessed from a name that looks alike. What a
 * project writes under `price` wins.
 */
import type { ModelDefinition, PriceDefinition } from "@agentflow/protocol";
import { providerOf } from "./providers.ts";

/** When this table was put together; a provider's own `readAt` may lie before it. */
export const pricesAt = "2026-11";

export interface ProviderPrices {
  readonly provider: string;
  /** Where the provider publishes them. */
  readonly source: string;
  /** Month in which the figures were read. */
  readonly readAt: string;
  readonly models: { readonly [model: string]: PriceDefinition };
}

export const priceTable: readonly ProviderPrices[] = [
  {
    provider: "openai",
    source: "https://platform.openai.com/docs/pricing",
    // Of the standard tier. o1 and later: reasoning counts as output.
    readAt: "2025-11",
    models: {
      "gpt-5.1": price(1.25, 10, 0.125),
      "gpt-5": price(1.25, 10, 0.125),
      "gpt-5-mini": price(0.25, 2, 0.025),
      "gpt-5-nano": price(0.05, 0.4, 0.005),
      "gpt-5-pro": price(15, 120),
      "gpt-4.1": price(2, 8, 0.5),
      "gpt-4.1-mini": price(0.4, 1.6, 0.1),
      "gpt-4.1-nano": price(0.1, 0.4, 0.025),
      "gpt-4o": price(2.5, 10, 1.25),
      "gpt-4o-2024-05-13": price(5, 15),
      "gpt-4o-mini": price(0.15, 0.6, 0.075),
      o3: price(2, 8, 0.5),
      "o3-mini": price(1.1, 4.4, 0.55),
      "o4-mini": price(1.1, 4.4, 0.275),
      o1: price(15, 60, 7.5),
    },
  },
  {
    provider: "anthropic",
    source: "https://platform.claude.com/docs/en/about-claude/pricing",
    // Writes to the cache as for five minutes; those for an hour cost more.
    readAt: "2026-10",
    models: {
      "claude-opus-5": price(5, 25, 0.5, 6.25),
      "claude-opus-4-8": price(5, 25, 0.5, 6.25),
      "claude-opus-4-7": price(5, 25, 0.5, 6.25),
      "claude-opus-4-6": price(5, 25, 0.5, 6.25),
      "claude-opus-4-5": price(5, 25, 0.5, 6.25),
      "claude-opus-4-1": price(15, 75, 1.5, 18.75),
      "claude-opus-4-0": price(15, 75, 1.5, 18.75),
      "claude-opus-4": price(15, 75, 1.5, 18.75),
      "claude-sonnet-4-6": price(3, 15, 0.3, 3.75),
      "claude-sonnet-4-5": price(3, 15, 0.3, 3.75),
      "claude-sonnet-4-0": price(3, 15, 0.3, 3.75),
      "claude-sonnet-4": price(3, 15, 0.3, 3.75),
      "claude-3-7-sonnet": price(3, 15, 0.3, 3.75),
      "claude-haiku-4-5": price(1, 5, 0.1, 1.25),
      "claude-3-5-haiku": price(0.8, 4, 0.08, 1),
      "claude-3-haiku": price(0.25, 1.25, 0.03, 0.3),
    },
  },
  {
    provider: "google",
    source: "https://ai.google.dev/gemini-api/docs/pricing",
    // Of the paid tier, text. gemini-2.5-pro: prompts up to 200,000 tokens; longer ones cost more.
    readAt: "2025-11",
    models: {
      "gemini-2.5-pro": price(1.25, 10, 0.125),
      "gemini-2.5-flash": price(0.3, 2.5, 0.03),
      "gemini-2.5-flash-lite": price(0.1, 0.4, 0.01),
      "gemini-2.0-flash": price(0.1, 0.4, 0.025),
    },
  },
  {
    provider: "mistral",
    source: "https://mistral.ai/pricing/api",
    readAt: "2026-08",
    models: {
      "mistral-large-2512": price(0.5, 1.5, 0.05),
      "mistral-medium-2508": price(0.4, 2, 0.04),
      "mistral-medium-2505": price(0.4, 2, 0.04),
      "mistral-small-2603": price(0.15, 0.6, 0.015),
      "ministral-14b-2512": price(0.2, 0.2, 0.02),
      "ministral-8b-2512": price(0.15, 0.15, 0.015),
      "ministral-3b-2512": price(0.1, 0.1, 0.01),
      "codestral-2508": price(0.3, 0.9, 0.03),
      "devstral-2512": price(0.4, 2, 0.04),
    },
  },
];

function price(input: number, output: number, cacheRead?: number, cacheWrite?: number): PriceDefinition {
  return {
    input,
    output,
    ...(cacheRead === undefined ? {} : { cacheRead }),
    ...(cacheWrite === undefined ? {} : { cacheWrite }),
  };
}

const free: PriceDefinition = { input: 0, output: 0 };

/**
 * What a model costs: by its own `price`, else by the table. Behind a URL of its own nobody knows, and a name
 * that is a reference is none. Undefined: it has no price.
 */
export function priceOf(
  model: Pick<ModelDefinition, "provider" | "model" | "baseUrl" | "price">,
): PriceDefinition | undefined {
  if (model.price !== undefined) return model.price;
  const provider = providerOf(model)?.name;
  if (provider === "scripted") return free;
  if (model.baseUrl !== undefined && model.baseUrl !== "") return undefined;
  const prices = priceTable.find((one) => one.provider === provider)?.models ?? {};
  return listed(prices, model.model) ?? listed(prices, withoutDate(model.model));
}

function listed(prices: ProviderPrices["models"], model: string): PriceDefinition | undefined {
  return Object.hasOwn(prices, model) ? prices[model] : undefined;
}

/** `gpt-5-2025-08-07`, `claude-sonnet-4-5-20250929`, `claude-3-5-haiku-latest`: releases of a model. */
function withoutDate(model: string): string {
  return model.replace(/-(\d{4}-\d{2}-\d{2}|\d{8}|latest)$/, "");
}
