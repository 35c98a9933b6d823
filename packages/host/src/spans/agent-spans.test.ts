import type { ModelReply, SpanRecord } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { virtualWorld } from "../virtual/index.ts";
import {
  agentEnd,
  agentSpan,
  attemptContext,
  attemptLinks,
  chatEnd,
  chatSpan,
  createTracer,
  runContext,
  stepContext,
  toolSpan,
} from "./index.ts";

const reply: ModelReply = {
  parts: [{ kind: "call", id: "c1", tool: "orders__find", input: { id: "7" } }],
  finish: "tool_calls",
  usage: { inputTokens: 90, outputTokens: 10, cacheReadTokens: 40, reasoningTokens: 4 },
  model: "gpt-x-2026",
  id: "resp_1",
};

test("a chat span says what the conventions ask for, and no content unless it is given", () => {
  const facts = {
    provider: "google",
    model: "gpt-x",
    alias: "default",
    agent: "writer",
    session: "s1",
    n: 2,
  };
  const span = chatSpan({ ...facts, json: true });
  expect(span).toMatchObject({ name: "chat gpt-x", kind: "client" });
  expect({ ...span.attributes, ...chatEnd({ reply, usd: "0.0042", firstMs: 250 }) }).toEqual({
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "gcp.gemini",
    "gen_ai.request.model": "gpt-x",
    "gen_ai.request.stream": true,
    "gen_ai.output.type": "json",
    "agentflow.model.alias": "default",
    "agentflow.model.call": 2,
    "gen_ai.agent.name": "writer",
    "gen_ai.conversation.id": "s1",
    "gen_ai.response.model": "gpt-x-2026",
    "gen_ai.response.id": "resp_1",
    "gen_ai.response.finish_reasons": ["tool_call"],
    "gen_ai.response.time_to_first_chunk": 0.25,
    "agentflow.cost.usd": "0.0042",
    "gen_ai.usage.input_tokens": 90,
    "gen_ai.usage.output_tokens": 10,
    "gen_ai.usage.cache_read.input_tokens": 40,
    "gen_ai.usage.reasoning.output_tokens": 4,
  });
});

test("content has the conventions' form, and secrets in it are masked like anywhere else", () => {
  const world = virtualWorld();
  const records: SpanRecord[] = [];
  const tracer = createTracer({ ...world, sink: (record) => records.push(record) });
  const { name, ...options } = chatSpan({
    provider: "openai",
    model: "m",
    messages: [
      { role: "user", text: "find 7" },
      { role: "tool", results: [{ id: "c0", tool: "t__a", output: { state: "sent" } }] },
    ],
  });
  tracer.startSpan(name, options).end({ attributes: chatEnd({ reply, content: true }) });
  const parsed = (name: string): unknown => {
    const text = records[0]?.attributes?.[name];
    return typeof text === "string" ? JSON.parse(text) : undefined;
  };
  expect(parsed("gen_ai.input.messages")).toEqual([
    { role: "user", parts: [{ type: "text", content: "find 7" }] },
    { role: "tool", parts: [{ type: "tool_call_response", id: "c0", response: { state: "sent" } }] },
  ]);
  expect(parsed("gen_ai.output.messages")).toEqual([
    {
      role: "assistant",
      parts: [{ type: "tool_call", id: "c1", name: "orders__find", arguments: { id: "7" } }],
      finish_reason: "tool_call",
    },
  ]);
});

test("agents and tools are internal spans, and an agent's has neither provider nor id", () => {
  expect(toolSpan({ tool: "orders.find", call: "1-0", effect: "read", agent: "writer" })).toEqual({
    name: "execute_tool orders.find",
    kind: "internal",
    attributes: {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "orders.find",
      "gen_ai.tool.type": "function",
      "gen_ai.tool.call.id": "1-0",
      "agentflow.tool.effect": "read",
      "gen_ai.agent.name": "writer",
    },
  });
  const totals = { inputTokens: 5, outputTokens: 1, modelCalls: 2, toolCalls: 1, usd: "0.1" };
  const span = agentSpan({ agent: "writer", session: "s1" });
  expect(Object.keys({ ...span.attributes, ...agentEnd(totals) })).not.toContain("gen_ai.provider.name");
});

test("any process knows the spans of run, step and attempt, and a new attempt links to the old one", () => {
  const of = { run: "r1", step: "draft", attempt: 2 };
  expect(attemptContext(of)).toEqual(attemptContext({ ...of }));
  const spans = [runContext(of), stepContext(of), attemptContext(of)].map(({ span }) => span);
  expect(new Set(spans).size).toBe(3);
  expect(attemptLinks(of)).toEqual([attemptContext({ ...of, attempt: 1 })]);
  expect(attemptLinks({ ...of, attempt: 1 })).toEqual([]);
  const client = `00-${"a".repeat(32)}-${"b".repeat(16)}-00`;
  expect(runContext({ run: "r1", traceparent: client })).toMatchObject({
    trace: "a".repeat(32),
    sampled: false,
  });
});
