import { expect, test } from "vitest";
import { priceOf, priceTable, pricesAt } from "./prices.ts";

test.each([
  [{ provider: "openai", model: "gpt-4o-mini" }, 0.15],
  [{ provider: "openai", model: "gpt-5-2025-08-07" }, 1.25],
  // Dearer than those that followed it under the same name.
  [{ provider: "openai", model: "gpt-4o-2024-05-13" }, 5],
  [{ provider: "anthropic", model: "claude-sonnet-4-5-20250929" }, 3],
  [{ provider: "anthropic", model: "claude-3-5-haiku-latest" }, 0.8],
  [{ provider: "google", model: "gemini-2.5-flash" }, 0.3],
  [{ provider: "scripted", model: "scripted" }, 0],
  [{ provider: "openai-compatible", model: "scripted", baseUrl: "" }, 0],
  [{ provider: "openai", model: "gpt-4o", price: { input: 1, output: 2 } }, 1],
])("%j costs $%d for a million tokens in", (model, input) => {
  expect(priceOf(model)?.input).toBe(input);
});

test.each([
  [{ provider: "openai", model: "gpt-4o-mini-of-tomorrow" }],
  [{ provider: "openai", model: "constructor" }],
  [{ provider: "openai", model: "env://AF_MODEL" }],
  [{ provider: "openai", model: "gpt-4o", baseUrl: "http://localhost:4000/v1" }],
  [{ provider: "azure", model: "gpt-4o" }],
  [{ provider: "nobody", model: "gpt-4o" }],
])("%j has no price", (model) => {
  expect(priceOf(model)).toBeUndefined();
});

test("the table is dated, names its sources, and reading a cache never costs more than not to", () => {
  expect(pricesAt).toMatch(/^\d{4}-\d{2}$/);
  for (const { source, readAt, models } of priceTable) {
    expect(source).toMatch(/^https:\/\//);
    expect(readAt <= pricesAt).toBe(true);
    for (const { input, cacheRead = 0 } of Object.values(models))
      expect(cacheRead).toBeLessThanOrEqual(input);
  }
  expect(JSON.parse(JSON.stringify(priceTable))).toEqual(priceTable);
});
