import { expect, test } from "vitest";
import { parseInputRequest } from "./parse-input.ts";

const run = `r${"0".repeat(26)}`;
const base = { id: "i1", at: "2026-01-01T00:00:00.000Z" };
const ended = { ...base, kind: "result", step: "think", attempt: 1, outcome: { kind: "lost", reason: "x" } };
const usage = { inputTokens: 1, outputTokens: 1, modelCalls: 1, toolCalls: 0, usd: "0.1" };
const shown = { uses: "tool:x.y", input: {} };
const ask = { kind: "approval", call: "think/1-1", tool: "x.y", shown, hash: "h", expiresMs: 1 };
const asking = (change: object) => ({
  ...ended,
  outcome: { kind: "suspended", asks: [{ ...ask, ...change }] },
});
const approval = { ...base, kind: "approval", approval: `${run}-1`, hash: "h", approve: true };
const settled = { ...base, kind: "resolve", step: "think", as: "done" };

function parse(input: object): unknown {
  return parseInputRequest(JSON.stringify({ v: 1, kind: "input", run, input })).input;
}

test.each([
  ["a result", ended],
  ["a result with usage", { ...ended, usage: { ...usage, cacheReadTokens: 5 } }],
  ["an ask", asking({})],
  ["an approval", { ...approval, by: "ann", comment: "yes" }],
  ["a resolution", { ...settled, output: { inline: 1 }, message: "m", by: "ann", call: "1-1" }],
])("%s is taken as it is", (_, input) => {
  expect(parse(input)).toEqual(input);
});

test.each([
  ["usage without amounts", { ...ended, usage: {} }],
  ["usage whose tokens are none", { ...ended, usage: { ...usage, inputTokens: -1 } }],
  ["usage whose rarer tokens are none", { ...ended, usage: { ...usage, reasoningTokens: { a: 1 } } }],
  ["a worker that is no text", { ...ended, worker: { a: 1 } }],
  ["an ask that never expires", asking({ expiresMs: Number.MAX_SAFE_INTEGER })],
  ["an approval by nobody", { ...approval, by: { a: 1 } }],
  ["a comment that is no text", { ...approval, comment: ["a"] }],
  ["a resolution whose output is no value", { ...settled, output: 7 }],
])("%s is refused", (_, input) => {
  expect(() => parse(input)).toThrow("malformed");
});
