/** What a provider wants to see again is kept with its part, and given back with it. */
import type { LanguageModelV4StreamPart } from "@ai-sdk/provider";
import { expect, test } from "vitest";
import { ReplyReader } from "../../src/model/read-stream.ts";
import { isStrict, toCallOptions } from "../../src/model/to-prompt.ts";

const usage = {
  inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 3.4, text: undefined, reasoning: 2 },
};
const whole: LanguageModelV4StreamPart = {
  type: "finish",
  finishReason: { unified: "tool-calls", raw: "tool_use" },
  usage,
};

function read(parts: readonly LanguageModelV4StreamPart[]): ReturnType<ReplyReader["reply"]> {
  const reader = new ReplyReader({ piece: () => {}, meant: (tool) => tool });
  for (const part of parts) reader.read(part);
  return reader.reply();
}

const optionsOf = { optionsKey: "anthropic", options: {}, strict: false, schemas: true };

test("signatures and encrypted reasoning go out as they came in", () => {
  const reply = read([
    { type: "reasoning-start", id: "0" },
    { type: "reasoning-delta", id: "0", delta: "Hm." },
    { type: "reasoning-delta", id: "0", delta: "", providerMetadata: { anthropic: { signature: "c2ln" } } },
    { type: "reasoning-end", id: "0" },
    // Reasoning that is not shown has no text, and must come back all the same.
    { type: "reasoning-start", id: "1", providerMetadata: { openai: { itemId: "rs_1" } } },
    { type: "reasoning-end", id: "1", providerMetadata: { openai: { reasoningEncryptedContent: "ZW5j" } } },
    { type: "text-start", id: "2" },
    { type: "text-end", id: "2" },
    {
      type: "tool-call",
      toolCallId: "t1",
      toolName: "a__b",
      input: "",
      providerMetadata: { google: { thoughtSignature: "dGg" } },
    },
    { type: "tool-call", toolCallId: "t2", toolName: "search", input: "{}", providerExecuted: true },
    whole,
  ]);
  expect(reply).toEqual({
    parts: [
      { kind: "reasoning", text: "Hm.", meta: { anthropic: { signature: "c2ln" } } },
      {
        kind: "reasoning",
        text: "",
        meta: { openai: { itemId: "rs_1", reasoningEncryptedContent: "ZW5j" } },
      },
      { kind: "call", id: "t1", tool: "a__b", input: {}, meta: { google: { thoughtSignature: "dGg" } } },
    ],
    finish: "tool_calls",
    usage: { inputTokens: 0, outputTokens: 3, reasoningTokens: 2 },
  });
  const { call } = toCallOptions(
    { messages: [{ role: "assistant", parts: reply.parts }], tools: [] },
    optionsOf,
  );
  expect(call.prompt).toEqual([
    {
      role: "assistant",
      content: [
        { type: "reasoning", text: "Hm.", providerOptions: { anthropic: { signature: "c2ln" } } },
        {
          type: "reasoning",
          text: "",
          providerOptions: { openai: { itemId: "rs_1", reasoningEncryptedContent: "ZW5j" } },
        },
        {
          type: "tool-call",
          toolCallId: "t1",
          toolName: "a__b",
          input: {},
          providerOptions: { google: { thoughtSignature: "dGg" } },
        },
      ],
    },
  ]);
});

test("an error in the stream, and an end without a reason, are no reply", () => {
  expect(() => read([{ type: "error", error: new Error("overloaded") }, whole])).toThrow("overloaded");
  expect(() => read([{ type: "text-delta", id: "0", delta: "a" }])).toThrow("ended before");
  const madeUp: LanguageModelV4StreamPart = {
    type: "finish",
    finishReason: { unified: "other", raw: undefined },
    usage,
  };
  expect(() => read([madeUp])).toThrow("ended before");
});

test("names that a provider would refuse are shortened for it, and meant again in its reply", () => {
  const long = `${"f".repeat(63)}__${"e".repeat(63)}`;
  const tools = [{ name: long, description: "d", input: { type: "object" } }];
  const { call, names } = toCallOptions({ messages: [], tools }, optionsOf);
  const shown = call.tools?.[0]?.name ?? "";
  expect(shown).toMatch(/^[a-z_0-9]{1,64}$/);
  expect(names.meant(shown)).toBe(long);
  expect(names.meant("made_up")).toBe("made_up");
  // What a model made up goes back to it in a form that is taken.
  expect(names.shown("rm -rf /")).toBe("rm_-rf__");
});

test("arguments that were unreadable go back as what the model wrote", () => {
  const parts = [{ kind: "call" as const, id: "t", tool: "a__b", text: '{"id": 4' }];
  const { call } = toCallOptions({ messages: [{ role: "assistant", parts }], tools: [] }, optionsOf);
  expect(JSON.stringify(call.prompt)).toContain(String.raw`{\"id\": 4`);
});

test("a server that knows no schemas is told of it in words", () => {
  const output = { type: "object", properties: { kind: { type: "string" } } };
  const request = { messages: [{ role: "user" as const, text: "x" }], tools: [], output };
  const { call } = toCallOptions(request, { ...optionsOf, schemas: false });
  expect(call.responseFormat).toEqual({ type: "json", name: "output" });
  expect(JSON.stringify(call.prompt[0])).toContain("kind");
});

test.each([
  [{ type: "object", properties: { a: {} }, required: ["a"], additionalProperties: false }, true],
  [{ type: "object", properties: { a: {} }, additionalProperties: false }, false],
  [{ type: "object", properties: { a: {} }, required: ["a"] }, false],
  [{ type: "array", items: { type: "object", properties: {} } }, false],
  [{ type: "string" }, true],
])("%j is strict: %s", (schema, strict) => {
  expect(isStrict(schema)).toBe(strict);
});
