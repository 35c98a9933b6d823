import * as fc from "fast-check";
import { expect, test } from "vitest";
import { addUsd, costOf, isMoreUsd, leftUsd, usdOf } from "./index.ts";

const anyUsd = fc
  .tuple(fc.nat(1_000_000), fc.nat(999_999_999_999))
  .map(([whole, rest]) => `${whole}.${String(rest).padStart(12, "0")}`);

test("amounts are added to the last digit", () => {
  expect(addUsd("0.1", "0.2")).toBe("0.3");
  expect(addUsd("999999.999999999999", "0.000000000001")).toBe("1000000");
});

test("what was added can be taken away again, in any order", () => {
  fc.assert(
    fc.property(anyUsd, anyUsd, (a, b) => {
      expect(leftUsd(addUsd(a, b), b)).toBe(addUsd(a, "0"));
      expect(addUsd(a, b)).toBe(addUsd(b, a));
      expect(isMoreUsd(addUsd(a, b), a)).toBe(b !== "0.000000000000");
    }),
  );
});

test("nothing is left of an amount of which more was spent", () => {
  expect(leftUsd("1", "1.5")).toBe("0");
});

test.each([
  [{ inputTokens: 1, outputTokens: 0 }, "0.0000000375"],
  [{ inputTokens: 1_000_000, outputTokens: 1_000_000 }, "0.3375"],
  [{ inputTokens: 1_000, cacheReadTokens: 400, outputTokens: 0 }, "0.0000265"],
  [{ inputTokens: 1_000, cacheReadTokens: 400, cacheWriteTokens: 600, outputTokens: 0 }, "0.000034"],
  [{ inputTokens: 10, cacheReadTokens: 99, outputTokens: 0 }, "0.0000001"],
] as const)("tokens %j cost %s", (usage, usd) => {
  expect(costOf({ input: 0.0375, output: 0.3, cacheRead: 0.01, cacheWrite: 0.05 }, usage)).toBe(usd);
});

test("what a price does not say of a cache costs what input costs", () => {
  const usage = {
    inputTokens: 1_000_000,
    cacheReadTokens: 400_000,
    cacheWriteTokens: 100_000,
    outputTokens: 0,
  };
  expect(costOf({ input: 3, output: 15 }, usage)).toBe("3");
});

test("a limit as authored is an amount", () => {
  expect([usdOf(5), usdOf(0.1), usdOf(0.000001)]).toEqual(["5", "0.1", "0.000001"]);
});
