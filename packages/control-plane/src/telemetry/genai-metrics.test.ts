import { agentEnd, agentSpan, chatEnd, chatSpan, toolSpan } from "@agentflow/host/spans";
import { createMetrics } from "@agentflow/host/metrics";
import type { SpanRecord } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { countGenAi } from "./genai-metrics.ts";

function span(ms: number, attributes: object): SpanRecord {
  const at = { trace: "t", span: "s", name: "n", startedAt: "2026-01-01T00:00:00.000Z", ok: true };
  return { kind: "span", ...at, ms, attributes: JSON.parse(JSON.stringify(attributes)) };
}

test("model calls, agents and tools are counted from their spans, under the conventions' names", async () => {
  const metrics = createMetrics();
  const count = countGenAi(metrics);
  const usage = { inputTokens: 90, outputTokens: 10, cacheReadTokens: 40 };
  const reply = { parts: [], finish: "stop" as const, usage };
  const chat = chatSpan({ provider: "google", model: "g-1" }).attributes;
  count(span(1_500, { ...chat, ...chatEnd({ reply, firstMs: 250 }) }));
  count(span(500, chat));
  count(span(20, toolSpan({ tool: "orders.find" }).attributes));
  const totals = { ...usage, modelCalls: 1, toolCalls: 1, usd: "0" };
  count(span(2_000, { ...agentSpan({ agent: "writer" }).attributes, ...agentEnd(totals) }));
  count(span(9_000, { other: 1 }));
  const text = await metrics.text();
  const labels = 'provider="gcp.gemini",model="g-1"';
  for (const line of [
    `agentflow_gen_ai_client_inference_duration_seconds_count{${labels}} 2`,
    `agentflow_gen_ai_client_inference_duration_seconds_sum{${labels}} 2`,
    `agentflow_gen_ai_client_inference_time_to_first_chunk_seconds_sum{${labels}} 0.25`,
    `agentflow_gen_ai_client_inference_usage_input_tokens_total{${labels}} 90`,
    `agentflow_gen_ai_client_inference_usage_cache_read_input_tokens_total{${labels}} 40`,
    'agentflow_gen_ai_invoke_agent_duration_seconds_sum{agent="writer"} 2',
    'agentflow_gen_ai_execute_tool_duration_seconds_count{tool="orders.find"} 1',
  ])
    expect(text).toContain(line);
});
