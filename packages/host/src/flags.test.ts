import { expect, test } from "vitest";
import { createFlags, evaluateFlag } from "./flags.ts";

const keys = Array.from({ length: 10_000 }, (_, i) => `tenant-${i}`);
const chosen = (rule: number, flag = "fast"): Set<string> =>
  new Set(keys.filter((key) => evaluateFlag({ [flag]: rule }, flag, key)));

test("a flag that nobody set is off, even one named like a property of every object", () => {
  expect(evaluateFlag({}, "fast")).toBe(false);
  expect(evaluateFlag({}, "constructor")).toBe(false);
  expect(evaluateFlag({ fast: true }, "fast")).toBe(true);
});

test("a percentage chooses about that share of keys; 0 none, 100 all", () => {
  expect(chosen(0).size).toBe(0);
  expect(chosen(100).size).toBe(keys.length);
  expect(Math.abs(chosen(25).size - 2_500)).toBeLessThan(200);
});

test("raising a percentage only adds keys", () => {
  const half = chosen(50);
  for (const key of chosen(20)) expect(half.has(key)).toBe(true);
});

test("two flags at the same percentage choose different keys", () => {
  const other = chosen(50, "other");
  const both = [...chosen(50)].filter((key) => other.has(key)).length;
  expect(Math.abs(both - 2_500)).toBeLessThan(250);
});

test("flags follow rules that change while running", () => {
  let rules = { fast: false };
  const flags = createFlags(() => rules);
  expect(flags.isOn("fast")).toBe(false);
  rules = { fast: true };
  expect(flags.isOn("fast")).toBe(true);
});
