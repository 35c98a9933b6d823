import { expect, test } from "vitest";
import { failedAt, failureMessage, failureText } from "./failure-text.ts";

test("a failure is told with the line that threw", () => {
  const failure = { code: "error", message: "bank is closed", details: { at: "tools/pay.ts:14:11" } };
  expect(failureMessage(failure)).toBe("bank is closed (at tools/pay.ts:14:11)");
  expect(failureText(failure)).toBe("error: bank is closed (at tools/pay.ts:14:11)");
});

test("what is no place is not taken for one", () => {
  for (const at of ["noon", 7, "a b:1", `${"x".repeat(301)}:1`, undefined]) {
    expect(failedAt({ code: "error", message: "m", details: { at } })).toBeUndefined();
  }
  expect(failureText({ code: "error", message: "m" })).toBe("error: m");
});
