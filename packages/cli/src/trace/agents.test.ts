import type { Json, RunView, SpanRecord } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { createOutput } from "../output/output.ts";
import { costsOf, printCosts } from "./cost.ts";
import { spanTree } from "./span-tree.ts";
import { printTrace } from "./waterfall.ts";

const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 1) + seconds * 1_000).toISOString();

function span(id: string, of: Partial<SpanRecord> & { readonly seconds?: number } = {}): SpanRecord {
  const { seconds = 1, ...rest } = of;
  return {
    kind: "span",
    trace: "t",
    span: id,
    name: id,
    startedAt: at(seconds),
    ms: 1_000,
    ok: true,
    step: "a",
    ...rest,
  };
}

function chat(
  id: string,
  of: { parent?: string; usd?: string; model?: string; agent?: string; step?: string } = {},
) {
  const { parent, usd, model = "gpt-x", agent = "writer", step = "a" } = of;
  const attributes: { [key: string]: Json } = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": model,
    "gen_ai.agent.name": agent,
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 10,
  };
  if (usd !== undefined) attributes["agentflow.cost.usd"] = usd;
  const below = parent === undefined ? {} : { parent };
  return span(id, { name: `chat ${model}`, attributes, step, ...below });
}

function view(steps: readonly string[]): RunView {
  return {
    run: "r00000000000000000000000001",
    workflow: "w",
    version: "aaaaaaaaaaaa",
    build: "dev",
    status: "completed",
    revision: 9,
    codes: [],
    startedAt: at(0),
    endedAt: at(10),
    steps: steps.map((step) => ({
      step,
      uses: "agent:writer",
      status: "succeeded",
      startedAt: at(0),
      endedAt: at(10),
      attempts: [
        { attempt: 1, dispatchedAt: at(0), startedAt: at(0), endedAt: at(10), outcome: "succeeded" },
      ],
    })),
  };
}

function printed(print: (output: ReturnType<typeof createOutput>) => void): string {
  let text = "";
  const sink = { write: (some: string) => (text += some) };
  print(
    createOutput({ json: false, noColor: true, debug: false, environment: {}, stdout: sink, stderr: sink }),
  );
  return text;
}

const spans = [
  span("agent", { name: "invoke_agent writer" }),
  chat("c1", { parent: "agent", usd: "0.0012" }),
  span("tool", { name: "execute_tool orders.find", parent: "agent", seconds: 3 }),
  chat("c2", { parent: "agent", usd: "0.0030", model: "big" }),
  chat("c3", { step: "a~0", agent: "helper" }),
];

test("calls of models and tools stand below their agent, with tokens and money beside them", () => {
  const text = printed((output) => printTrace(output, { view: view(["a"]), spans, nowMs: 0 }));
  const lines = text.split("\n");
  const line = (part: string): string => lines.find((one) => one.includes(part)) ?? "";
  expect(line("    agent writer")).not.toContain("→");
  expect(line("      chat big")).toMatch(/100→10 \$0\.0030$/);
  expect(text).toMatch(/chat gpt-x .* 100→10 \?$/m);
  expect(line("      orders.find()")).toBeTruthy();
  // The step's own line has the sum, and what agents did that its agent called is part of it.
  expect(line("✓ a")).toMatch(/300→30 \$0\.0042\+\?$/);
});

test("where no model was called the waterfall has no column for it", () => {
  const own = [span("tool", { name: "execute_tool orders.find" })];
  const text = printed((output) => printTrace(output, { view: view(["a"]), spans: own, nowMs: 0 }));
  expect(text).not.toMatch(/→|\$/);
});

test("what models cost is summed by model, agent and step, and what has no price is said", () => {
  const costs = costsOf(spans);
  expect(costs.models.map(({ name, usd }) => [name, usd])).toEqual([
    ["big", "0.003"],
    ["gpt-x", "0.0012"],
  ]);
  expect(costs.agents.map(({ name, modelCalls }) => [name, modelCalls])).toEqual([
    ["writer", 2],
    ["helper", 1],
  ]);
  expect(costs.steps.map(({ name }) => name)).toEqual(["a", "a~0"]);
  expect(costs.total).toMatchObject({
    inputTokens: 300,
    outputTokens: 30,
    modelCalls: 3,
    usd: "0.0042",
    unpriced: true,
  });
  const text = printed((output) => printCosts(output, costs));
  expect(text).toContain("some calls have no price");
  expect(text).toMatch(/total {2}300→30 tokens {2}\$0\.0042/);
  expect(printed((output) => printCosts(output, costsOf([])))).toContain("no model was called");
});

test("long lists are folded in the middle, and shown whole when asked", () => {
  const many = Array.from({ length: 40 }, (_, i) => span(`s${i}`, { seconds: i / 10 }));
  const folded = spanTree(many, { all: false });
  expect(folded).toHaveLength(11);
  expect(folded[5]).toEqual({ folded: 30, depth: 0 });
  expect(spanTree(many, { all: true })).toHaveLength(40);
  const items = view(["a", ...Array.from({ length: 30 }, (_, i) => `a~${i}`)]);
  const lines = printed((output) => printTrace(output, { view: items, spans: [], nowMs: 0 })).split("\n");
  expect(lines.filter((line) => line.includes("✓ a~"))).toHaveLength(10);
  expect(lines.find((line) => line.includes("more items"))).toContain("20 more items of a (--all)");
  const all = printed((output) => printTrace(output, { view: items, spans: [], nowMs: 0, all: true }));
  expect(all.split("✓ a~")).toHaveLength(31);
});

test("a ring of spans, or one that is its own parent, ends", () => {
  const ring = [
    span("a", { parent: "b" }),
    span("b", { parent: "a" }),
    span("c", { parent: "c" }),
    span("d"),
  ];
  expect(spanTree(ring, { all: false }).map((line) => ("span" in line ? line.span.span : ""))).toEqual(["d"]);
});
