import { expect, test } from "vitest";
import { closingLine, countOutcomes, exitCodeOf, type ModuleLike } from "./outcome.ts";

function moduleOf(state: string, ...tests: readonly string[]): ModuleLike {
  const all = tests.map((result) => ({ result: () => ({ state: result }) }));
  return { children: { allTests: () => all }, state: () => state };
}

test("each test is counted once, in its own column", () => {
  const modules = [moduleOf("failed", "passed", "failed", "skipped"), moduleOf("passed", "passed")];
  expect(countOutcomes(modules, [])).toEqual({ passed: 2, failed: 1, skipped: 1 });
});

test("a file that does not load is a failure even though no test of it failed", () => {
  expect(countOutcomes([moduleOf("failed")], [])).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("an error outside any test is a failure", () => {
  expect(countOutcomes([moduleOf("passed", "passed")], [new Error("stray")]).failed).toBe(1);
});

test("a test whose worker died before its end has failed", () => {
  expect(countOutcomes([moduleOf("pending", "pending")], []).failed).toBe(1);
});

test("the closing line is plain, and names the skipped only when there are some", () => {
  expect(closingLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
  expect(closingLine({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
});

test("the suite fails when something failed, and also when nothing ran", () => {
  expect(exitCodeOf({ passed: 3, failed: 0, skipped: 9 })).toBe(0);
  expect(exitCodeOf({ passed: 3, failed: 1, skipped: 0 })).toBe(1);
  expect(exitCodeOf({ passed: 0, failed: 0, skipped: 5 })).toBe(1);
});
