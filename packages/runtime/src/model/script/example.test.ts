/** The script that the guide shows does what the guide says of it. */
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Message } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { createPlayer, parseScript } from "./index.ts";

const file = path.resolve(import.meta.dirname, "../../../../../examples/models/support.yaml");
const tools = [{ name: "orders__find", description: "", input: {} }];
const user: Message = { role: "user", text: "Where is order 42?" };

test("the example looks an order up, speaks of it, is busy once, and answers the rest by itself", () => {
  const player = createPlayer(parseScript(readFileSync(file, "utf8"), file), file);
  const ask = (messages: readonly Message[], instructions = "Help.") =>
    player.answer({ model: "m", messages: [{ role: "system", text: instructions }, ...messages], tools });
  const call = { kind: "call", id: "call_1_0", tool: "orders__find", input: { id: "42" } } as const;
  expect(ask([user])).toMatchObject({ reply: { parts: [{ text: "Let me look." }, call] } });
  const found: Message = {
    role: "tool",
    results: [{ id: "call_1_0", tool: "orders__find", output: { state: "shipped" } }],
  };
  expect(ask([user, { role: "assistant", parts: [call] }, found])).toMatchObject({
    reply: { parts: [{ text: "Your order is shipped." }], finish: "stop" },
  });
  const busy: Message = { role: "user", text: "Are you busy?" };
  expect(ask([busy])).toMatchObject({ kind: "failure", failure: "rate_limit", retryAfterMs: 500 });
  expect(ask([busy])).toMatchObject({
    rule: "default",
    reply: { parts: [{ text: expect.stringContaining("busy") }] },
  });
  const structured = player.answer({
    model: "m",
    messages: [{ role: "system", text: "You classify." }, user],
    tools: [],
    output: { type: "object" },
  });
  expect(structured).toMatchObject({ reply: { parts: [{ text: '{"kind":"question","urgent":false}' }] } });
});
