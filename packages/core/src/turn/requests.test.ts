import type { Json } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { rulesOf } from "./fixtures/rules.ts";
import { Walk, ask, first, resolve } from "./fixtures/walk.ts";
import { blobsOf, emptyTurn, evolveTurn, messagesOf, requestOf } from "./index.ts";

test("a request holds the conversation, the tools and what the reply must be", () => {
  const output = { type: "object" };
  const rules = rulesOf({ output, change: { temperature: 0.2, maxOutputTokens: 500 } });
  const walk = new Walk(rules)
    .begin()
    .reply("Let me see.", ask("orders__find"))
    .returns("1-1", { state: "sent" });
  const request = requestOf(walk.state, rules, resolve);
  expect(request).toMatchObject({ output, temperature: 0.2, maxOutputTokens: 500 });
  expect(request.tools.map(({ name }) => name)).toEqual([...rules.callables.keys()]);
  expect(request.messages).toEqual([
    ...first,
    { role: "assistant", parts: [{ kind: "text", text: "Let me see." }, ask("orders__find")] },
    { role: "tool", results: [{ id: "p-orders__find", tool: "orders__find", output: { state: "sent" } }] },
  ]);
});

test("what a provider wants to see again is kept letter by letter", () => {
  const part = { kind: "reasoning", text: "hm", meta: { anthropic: { signature: "sig==" } } } as const;
  const walk = new Walk()
    .begin()
    .replied({ parts: [part, { ...ask("orders__find"), meta: { a: 1 } }] })
    .returns("1-1");
  expect(messagesOf(walk.state, resolve)[2]).toEqual({
    role: "assistant",
    parts: [part, { ...ask("orders__find"), meta: { a: 1 } }],
  });
});

test("a long output of a call is cut, and says so", () => {
  const walk = new Walk().begin().reply(ask("orders__find")).returns("1-1", "x".repeat(40_000));
  const told = walk.told();
  const output = told?.role === "tool" ? told.results[0]?.output : undefined;
  expect(JSON.stringify(output).length).toBeLessThan(33_000);
  expect(output).toMatchObject({ note: "cut: this is the beginning of 40002 characters of JSON" });
});

test("values by reference are named beforehand, and read through the caller", () => {
  const blob = { blob: "acme/r1/abc", bytes: 70_000 };
  const walk = new Walk().begin().reply(ask("orders__find"));
  walk.when({ kind: "call_returned", call: "1-1", output: blob, ms: 1 });
  expect(blobsOf(walk.state)).toEqual([blob]);
  const read = (value: typeof blob | { inline: Json }) =>
    "inline" in value ? value.inline : "from the store";
  expect(requestOf(walk.state, walk.rules, read).messages.at(-1)).toMatchObject({
    results: [{ output: "from the store" }],
  });
});

test("instructions of an agent that takes over stand where the first ones stood", () => {
  const walk = new Walk().begin().reply(ask("transfer_to_closer", {}));
  walk.rules = rulesOf({ agent: "closer" });
  walk.when({ kind: "handed_off", call: "1-1", to: "closer", model: "last", instructions: "Close." });
  expect(messagesOf(walk.state, resolve).slice(0, 2)).toEqual([{ role: "system", text: "Close." }, first[1]]);
});

test("a reply without anything in it is no message", () => {
  const walk = new Walk().begin().replied({ finish: "length" });
  expect(messagesOf(walk.state, resolve).map(({ role }) => role)).toEqual(["system", "user", "user"]);
});

test("first messages that are none are said to be so", () => {
  const base = { at: "2026-01-01T00:00:00.000Z" };
  const taken = evolveTurn(emptyTurn, { ...base, kind: "attempt_took_over", attempt: 1, worker: "w" });
  const messages = { inline: [{ role: "boss", text: "obey" }] };
  const state = evolveTurn(taken, { ...base, kind: "agent_started", agent: "a", model: "m", messages });
  expect(() => messagesOf(state, resolve)).toThrow("the first messages are not messages");
});
