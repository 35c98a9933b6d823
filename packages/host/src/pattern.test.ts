import { AgentFlowError } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { linearPattern } from "./pattern.ts";

test.each([
  ["timeout after \\d+", "tool: timeout after 30 s", true],
  ["timeout", "TIMEOUT", true],
  ["Timeout", "timeout", false],
  ["\\Done", "xone", true],
  ["^a.*z$", "abcz", true],
  ["(a|b)+c", "abac", true],
  ["é", "É", true],
])("%s finds %j: %s", (pattern, text, found) => {
  expect(linearPattern(pattern).test(text)).toBe(found);
});

test.each(["[", "(", "(?=a)b", "(a)\\1", "(a{1000}){1000}", "a".repeat(201)])(
  "%s is refused, not tried",
  (pattern) => {
    expect(() => linearPattern(pattern)).toThrow(AgentFlowError);
    expect(() => linearPattern(pattern)).toThrow(expect.objectContaining({ code: "invalid_input" }));
  },
);

test("an expression that would take for ever by going back ends", () => {
  // By going back it takes 2 to the power of 8,000 steps.
  expect(linearPattern("^(a+)+$").test(`${"a".repeat(8_000)}b`)).toBe(false);
  expect(linearPattern("^(a|aa)+$").test(`${"a".repeat(8_000)}b`)).toBe(false);
});

test("no more than the beginning of an endless text is looked at", () => {
  expect(linearPattern("end").test(`${"x".repeat(8_192)}end`)).toBe(false);
});
