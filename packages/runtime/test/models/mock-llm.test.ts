/** Every adapter before `af mock-llm`: one conversation, and each failure by its code. */
import type { ModelFailureCode, ModelRequest } from "@agentflow/protocol";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ModelCall, ResolvedModel } from "../../src/channel/model-messages.ts";
import { createModels } from "../../src/model/call-model.ts";
import { type MockLlm, createPlayer, parseScript, startMockLlm } from "../../src/model/mock/index.ts";
import { type ModelEnd, performModel } from "../../src/runner/model-calls.ts";

const key = "a-key-that-is-right-0123";
const script = `
apiVersion: agentflow.dev/v1
kind: ModelScript
keys: [${key}]
models: [known]
contextTokens: 4000
rules:
  - {when: {contains: rate}, fail: {kind: rate_limit, retryAfterMs: 2500}}
  - {when: {contains: down}, fail: {kind: server_error}}
  - {when: {contains: busy}, fail: {kind: overloaded}}
  - {when: {contains: forbidden}, fail: {kind: forbidden}}
  - {when: {contains: hang}, hang: true}
  - {when: {contains: cut}, text: one two three four, cut: 6}
  - {when: {contains: malformed}, text: one two three, malformed: true}
  - {when: {contains: structured}, json: {city: Bern}}
  - {when: {contains: broken}, calls: [{tool: orders__find, raw: '{"id": 4'}]}
  - {when: {contains: giant}, hostile: giant_text}
  - when: {contains: order, turn: 1}
    text: Looking.
    calls: [{tool: orders__find, input: {id: "7"}}, {tool: orders__find, input: {id: "8"}}]
  - when: {result: orders__find, turn: 2}
    text: "\${results[0].output.state}, \${results[1].output.state}"
`;

const providers = [
  "openai",
  "openai-compatible",
  "azure",
  "anthropic",
  "google",
  "mistral",
  "ollama",
  "bedrock",
] as const;

let mock: MockLlm;
const dir = mkdtempSync(path.join(tmpdir(), "af-mock-models-"));
beforeAll(async () => {
  mock = await startMockLlm({ player: createPlayer(parseScript(script, "s.yaml")) });
});
afterAll(async () => {
  await mock.close();
  rmSync(dir, { recursive: true, force: true });
});

const models = createModels(dir);
const tool = { name: "orders__find", description: "Find an order", input: { type: "object" } };

async function ask(model: Partial<ResolvedModel>, request: Partial<ModelRequest>): Promise<ModelEnd> {
  const provider = model.provider ?? "";
  const options = provider === "bedrock" ? { options: { region: "eu-central-1" } } : {};
  const call: ModelCall = {
    kind: "model",
    name: "default",
    model: {
      provider,
      model: "known",
      apiKey: key,
      timeoutMs: 20_000,
      baseUrl: mock.baseUrls[provider] ?? "",
      ...options,
      ...model,
    },
    request: { messages: [], tools: [tool], ...request },
    run: "r1",
    workflow: "w",
    step: "s",
    attempt: 1,
    n: 1,
    callId: "c",
  };
  return performModel(call, { models, stop: new AbortController().signal, part: () => {} });
}
const user = (text: string) => ({ role: "user", text }) as const;
function replyOf(end: ModelEnd) {
  if (end.kind === "reply") return end.reply;
  throw new Error(JSON.stringify(end.failure));
}

describe.each(providers)("%s", (provider) => {
  test("a conversation of two turns with two calls side by side", async () => {
    const messages = [{ role: "system", text: "Help." } as const, user("My order?")];
    const first = replyOf(await ask({ provider }, { messages }));
    expect(first.finish).toBe("tool_calls");
    const calls = first.parts.filter((part) => part.kind === "call");
    expect(calls).toMatchObject([
      { tool: "orders__find", input: { id: "7" } },
      { tool: "orders__find", input: { id: "8" } },
    ]);
    const results = calls.map(({ id, tool: name }, i) => ({ id, tool: name, output: { state: `s${i}` } }));
    const more = [
      ...messages,
      { role: "assistant", parts: first.parts } as const,
      { role: "tool", results } as const,
    ];
    const second = replyOf(await ask({ provider }, { messages: more }));
    expect(second).toMatchObject({ finish: "stop", parts: [{ kind: "text", text: "s0, s1" }] });
    expect(second.usage.inputTokens).toBeGreaterThan(0);
  });

  test("JSON by a schema", async () => {
    const output = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const reply = replyOf(await ask({ provider }, { messages: [user("structured")], tools: [], output }));
    const text = reply.parts.map((part) => (part.kind === "text" ? part.text : "")).join("");
    expect(JSON.parse(text)).toEqual({ city: "Bern" });
  });

  const failures: readonly [string, ModelFailureCode, Partial<ResolvedModel>][] = [
    ["order", "model_auth", { apiKey: "a-key-that-is-wrong-0123" }],
    ["forbidden", "model_auth", {}],
    ["order", "model_not_found", { model: "unknown" }],
    ["rate", "model_rate_limited", {}],
    ["down", "model_unavailable", {}],
    ["busy", "model_unavailable", {}],
    ["hang", "model_timeout", { timeoutMs: 300 }],
    ["cut", "model_unavailable", {}],
    ["malformed", "model_malformed", {}],
    [`order ${"x".repeat(30_000)}`, "model_context_overflow", {}],
  ];
  test.each(failures)("%.10s is a %s", async (text, code, model) => {
    const end = await ask({ provider, ...model }, { messages: [user(text)] });
    expect(end).toMatchObject({ kind: "failed", failure: { code } });
    expect(JSON.stringify(end)).not.toContain(model.apiKey ?? key);
    if (code === "model_rate_limited") {
      expect(end).toMatchObject({ failure: { details: { retryAfterMs: 2500 } } });
    }
  });

  test("arguments that are no JSON do not pass for some", async () => {
    const end = await ask({ provider }, { messages: [user("broken")] });
    const reply = replyOf(end);
    // Google refuses its own model's broken call: the reply says that it is none.
    if (provider === "google") expect(reply).toMatchObject({ finish: "error", parts: [] });
    else expect(reply.parts).toMatchObject([{ kind: "call", tool: "orders__find", text: '{"id": 4' }]);
  });

  test("a giant text comes whole, or is refused by a limit that says so", async () => {
    const end = await ask({ provider }, { messages: [user("giant")] });
    if (end.kind === "failed") expect(end.failure.message).toMatch(/longer|limit|big|large/i);
    else expect(JSON.stringify(end.reply).length).toBeGreaterThan(1_000_000);
  });
});
