import { attemptContext, traceIdOf } from "@agentflow/host/spans";
import type { SpanRecord } from "@agentflow/protocol";
import { expect, test } from "vitest";
import {
  type DriveOf,
  type Kit,
  agent,
  asks,
  gives,
  kit,
  manifestOf,
  run,
  says,
  step,
  tool,
} from "./drive-kit.ts";

const manifest = manifestOf({
  tools: [tool("db.read")],
  agents: [
    agent("main", { spec: { tools: [{ tool: "db.read" }], agents: ["helper"] } }),
    agent("helper", { spec: { tools: [] } }),
  ],
});

async function spansOf(of: DriveOf = {}): Promise<SpanRecord[]> {
  const help = { tool: "agent__helper", input: { task: "help" } };
  const first = asks({ tool: "db__read", input: { word: "hush" } }, help);
  const all: Kit = kit(manifest, (call) => {
    if (call.kind !== "model") return gives({ word: "found" });
    const isHelper = call.request.tools.length === 0;
    return isHelper ? says("helped") : call.n === 1 ? first : says("done");
  });
  await all.until(all.drive(of).end);
  return all.records.filter((record) => record.kind === "span");
}

function named(spans: readonly SpanRecord[], name: string): SpanRecord[] {
  return spans.filter((one) => one.name === name);
}

test("all spans of an attempt are one trace, each below the one in which it happened", async () => {
  const spans = await spansOf();
  const [main] = named(spans, "invoke_agent main");
  const [helper] = named(spans, "invoke_agent helper");
  expect(new Set(spans.map(({ trace }) => trace))).toEqual(new Set([traceIdOf(run)]));
  expect(main?.parent).toBe(attemptContext({ run, step, attempt: 1 }).span);
  expect(named(spans, "execute_tool db.read")[0]?.parent).toBe(main?.span);
  expect(spans.filter(({ parent }) => parent === helper?.span).map(({ name }) => name)).toEqual(["chat m-1"]);
  const known = new Set([...spans.map(({ span }) => span), main?.parent]);
  expect(spans.every(({ parent }) => known.has(parent))).toBe(true);
});

test("the client's trace goes on, and what it does not sample is not told", async () => {
  const traceparent = `00-${"c".repeat(32)}-${"d".repeat(16)}-01`;
  const spans = await spansOf({ task: { traceparent } });
  expect(new Set(spans.map(({ trace }) => trace))).toEqual(new Set(["c".repeat(32)]));
  expect(await spansOf({ task: { traceparent: traceparent.replace(/01$/, "00") } })).toEqual([]);
});

test("a new attempt links to the one before", async () => {
  const [main] = named(await spansOf({ attempt: 2 }), "invoke_agent main");
  const { trace, span } = attemptContext({ run, step, attempt: 1 });
  expect(main?.attributes?.["agentflow.span.links"]).toEqual([`${trace}-${span}`]);
  const [first] = named(await spansOf(), "invoke_agent main");
  expect(first?.attributes).not.toHaveProperty("agentflow.span.links");
});

test("a chat says what it cost, an agent what it used up, and a tool its effect", async () => {
  const spans = await spansOf();
  expect(named(spans, "chat m-1")[0]?.attributes).toMatchObject({
    "gen_ai.provider.name": "openai",
    "agentflow.model.alias": "default",
    "gen_ai.agent.name": "main",
    "agentflow.cost.usd": "0.00002",
  });
  expect(named(spans, "invoke_agent main")[0]?.attributes).toMatchObject({
    "agentflow.agent.model_calls": 2,
    "gen_ai.usage.input_tokens": 20,
  });
  expect(named(spans, "execute_tool db.read")[0]?.attributes).toMatchObject({
    "gen_ai.tool.type": "function",
    "agentflow.tool.effect": "read",
  });
});

test("what was said is in spans only when it is asked for", async () => {
  expect(JSON.stringify(await spansOf())).not.toMatch(/hush|found|You are main/);
  const text = JSON.stringify(await spansOf({ content: true }));
  for (const said of ["hush", "found", "You are main", "done"]) expect(text).toContain(said);
});

test("spans of one session have one conversation, and its name is no person's", async () => {
  const remembering = manifestOf({
    agents: [agent("main", { spec: { memory: { session: "ada@example.com", window: 4, summary: false } } })],
  });
  const all = kit(remembering, () => says("done"));
  await all.until(all.drive().end);
  const spans = all.records.filter((record) => record.kind === "span");
  const names = spans.map(({ attributes }) => attributes?.["gen_ai.conversation.id"]);
  expect(names).toEqual([expect.stringMatching(/^r[0-9a-z]{26}$/), names[0]]);
  expect(JSON.stringify(spans)).not.toContain("ada@");
});
