import { expect, test } from "vitest";
import type { Message } from "./frames.ts";
import { parseFromRunner } from "./parse-messages.ts";

const usage = { inputTokens: 1, outputTokens: 2 };
const reply = { parts: [{ kind: "text", text: "hi" }], finish: "stop", usage };
const took = { startedAt: "2026-01-01T00:00:00.000Z", ms: 1 };
const spec = {
  model: "default",
  instructions: "x",
  tools: [{ tool: "a.b" }],
  agents: [],
  handoffs: [],
  limits: { turns: 3 },
};
const manifest = (of: object): object => ({
  v: 1,
  kind: "manifest",
  code: "0123456789ab",
  tools: [],
  agents: [],
  workflows: [],
  ...of,
});
const agent = (of: object): object => manifest({ agents: [{ name: "a", agent: { ...spec, ...of } }] });
const message = (...of: readonly unknown[]): Message => JSON.parse(JSON.stringify(of));

test.each([
  ["a reply", message("done", 1, { kind: "reply", reply, ...took })],
  [
    "a reply with a call",
    message("done", 1, {
      kind: "reply",
      reply: { ...reply, parts: [{ kind: "call", id: "1", tool: "t" }] },
      ...took,
    }),
  ],
  [
    "pieces",
    message("part", 1, [
      { kind: "text", n: 1, from: 0, text: "h" },
      { kind: "progress", call: "c", message: "m" },
    ]),
  ],
  ["an agent", message("ready", agent({}))],
  [
    "an agent with a memory",
    message("ready", agent({ memory: { session: "s", window: 3, summary: false } })),
  ],
  [
    "models",
    message("ready", manifest({ models: { default: { provider: "p", model: "m", fallbacks: ["x"] } } })),
  ],
])("%s is taken", (_, said) => {
  expect(parseFromRunner(said)).toBe(said);
});

// User code can write to the channel too: what is not as it should be must not reach the loop.
test.each([
  [
    "a reply without usage",
    message("done", 1, { kind: "reply", reply: { ...reply, usage: undefined }, ...took }),
  ],
  [
    "a reply that ended somehow",
    message("done", 1, { kind: "reply", reply: { ...reply, finish: "so" }, ...took }),
  ],
  [
    "tokens below zero",
    message("done", 1, { kind: "reply", reply: { ...reply, usage: { ...usage, inputTokens: -1 } }, ...took }),
  ],
  [
    "a part that is none",
    message("done", 1, { kind: "reply", reply: { ...reply, parts: [{ kind: "text" }] }, ...took }),
  ],
  ["pieces that are none", message("part", 1, [{ kind: "text", n: 1, text: "h" }])],
  ["a piece alone", message("part", 1, { kind: "text", n: 1, from: 0, text: "h" })],
  ["an agent without limits", message("ready", agent({ limits: undefined }))],
  ["an agent whose limit is text", message("ready", agent({ limits: { turns: "many" } }))],
  ["an agent whose tools are names", message("ready", agent({ tools: ["a.b"] }))],
  ["an agent whose instructions are an object", message("ready", agent({ instructions: { toString: 1 } }))],
  ["a memory without a window", message("ready", agent({ memory: { session: "s", summary: false } }))],
  ["a model without a provider", message("ready", manifest({ models: { default: { model: "m" } } }))],
  [
    "a price that is text",
    message(
      "ready",
      manifest({ models: { default: { provider: "p", model: "m", price: { input: "1", output: 1 } } } }),
    ),
  ],
  ["secrets that are none", message("ready", manifest({ tools: [{ name: "a.b", secrets: [1] }] }))],
])("%s is refused", (_, said) => {
  expect(() => parseFromRunner(said)).toThrow(/malformed/);
});
