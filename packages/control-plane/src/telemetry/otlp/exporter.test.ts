import { createLog } from "@agentflow/host/log";
import { type VirtualWorld, virtualWorld } from "@agentflow/host/virtual";
import { traceIdOf, spanIdOf } from "@agentflow/host/spans";
import type { SpanRecord } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { exporterLimits, OtlpExporter, type Sent } from "./exporter.ts";

interface Kit {
  readonly world: VirtualWorld;
  readonly exporter: OtlpExporter;
  readonly bodies: string[];
  readonly counts: { [outcome: string]: number };
}

const taken: Sent = { kind: "taken", rejected: 0 };

function open(answers: Sent[] | ((body: string) => Promise<Sent>)): Kit {
  const world = virtualWorld();
  const bodies: string[] = [];
  const counts: { [outcome: string]: number } = {};
  const exporter = new OtlpExporter({
    ...world,
    log: createLog({ source: "control-plane", clock: world.clock, outputs: [] }),
    resource: { node: "cp-1", version: "0.1.0" },
    async post(body) {
      bodies.push(body);
      return typeof answers === "function" ? answers(body) : (answers.shift() ?? taken);
    },
    count: (outcome, spans) => (counts[outcome] = (counts[outcome] ?? 0) + spans),
  });
  return { world, exporter, bodies, counts };
}

function span(n: number, of: Partial<SpanRecord> = {}): SpanRecord {
  return {
    kind: "span",
    trace: traceIdOf("r1"),
    span: spanIdOf(`s${n}`),
    name: `span ${n}`,
    startedAt: "2026-01-01T00:00:00.000Z",
    ms: 1,
    ok: true,
    ...of,
  };
}

const spansIn = (body: string): number => body.split('"spanId"').length - 1;

test("spans leave together, each tenant as a resource of its own", async () => {
  const { world, exporter, bodies, counts } = open([]);
  exporter.add("acme", span(1));
  exporter.add("globex", span(2));
  exporter.add("acme", span(3));
  expect(bodies).toEqual([]);
  await world.time.advance(exporterLimits.everyMs);
  expect(bodies).toHaveLength(1);
  const { resourceSpans } = JSON.parse(bodies[0] ?? "");
  expect(resourceSpans).toHaveLength(2);
  expect(resourceSpans[0].resource.attributes).toContainEqual({
    key: "agentflow.tenant",
    value: { stringValue: "acme" },
  });
  expect(resourceSpans[0].scopeSpans[0].spans.map(({ name }: { name: string }) => name)).toEqual([
    "span 1",
    "span 3",
  ]);
  expect(counts).toEqual({ sent: 3 });
});

test("a collector that is away gets the same spans later, ever more slowly, up to a bound", async () => {
  const away: Sent = { kind: "retry", reason: "ECONNREFUSED" };
  const { world, exporter, bodies, counts } = open(Array.from({ length: 100 }, () => away));
  exporter.add("a", span(1));
  await world.time.advance(10_000);
  const soon = bodies.length;
  expect(soon).toBeGreaterThan(2);
  expect(new Set(bodies).size).toBe(1);
  await world.time.advance(600_000);
  expect(bodies).toHaveLength(exporterLimits.triesMax);
  expect(counts).toEqual({ dropped: 1 });
});

test("a collector may say how long to wait, up to a minute", async () => {
  const { world, exporter, bodies } = open([{ kind: "retry", reason: "status 429", afterMs: 20_000 }]);
  exporter.add("a", span(1));
  await world.time.advance(15_000);
  expect(bodies).toHaveLength(1);
  await world.time.advance(10_000);
  expect(bodies).toHaveLength(2);
});

test("what a collector refuses is dropped and not asked again; what it rejects is counted", async () => {
  const refused: Sent = { kind: "refused", reason: "status 400" };
  const { world, exporter, bodies, counts } = open([refused, { kind: "taken", rejected: 2, message: "old" }]);
  exporter.add("a", span(1));
  await world.time.advance(2_000);
  for (const n of [2, 3, 4]) exporter.add("a", span(n));
  await world.time.advance(2_000);
  expect(bodies).toHaveLength(2);
  expect(counts).toEqual({ dropped: 1, rejected: 2, sent: 1 });
});

test("no more waits than the bound: the rest is dropped and counted, and nobody waits for it", async () => {
  const { world, exporter, counts } = open(() => new Promise(() => undefined));
  for (let n = 0; n < exporterLimits.spansMax + 7; n++) exporter.add("a", span(n));
  await world.time.advance(5_000);
  expect(counts).toEqual({ dropped: 7 });
});

test("a batch is bounded in spans and in bytes; one span over the bound goes alone", async () => {
  const { world, exporter, bodies } = open([]);
  for (let n = 0; n < exporterLimits.batchSpansMax * 2 + 1; n++) exporter.add("a", span(n));
  await world.time.advance(3_000);
  expect(bodies.map(spansIn)).toEqual([exporterLimits.batchSpansMax, exporterLimits.batchSpansMax, 1]);
  const big = "x".repeat(700_000);
  for (const n of [1, 2]) exporter.add("a", span(n, { attributes: { big } }));
  exporter.add("a", span(3, { attributes: { big: big + big } }));
  await world.time.advance(5_000);
  expect(bodies.slice(3).map(spansIn)).toEqual([1, 1, 1]);
});

test("a span without an id that OTLP allows is dropped: all that came with it would be refused", async () => {
  const { world, exporter, bodies, counts } = open([]);
  exporter.add("a", span(1, { trace: "" }));
  exporter.add("a", span(2, { span: "0".repeat(16) }));
  exporter.add("a", span(3, { parent: "XYZ" }));
  await world.time.advance(2_000);
  expect({ bodies, counts }).toEqual({ bodies: [], counts: { dropped: 3 } });
});

test("the end sends what waits, once, and does not wait for a collector that is away", async () => {
  const { exporter, bodies, counts } = open([{ kind: "retry", reason: "ECONNREFUSED" }]);
  exporter.add("a", span(1));
  await exporter.stop();
  expect(bodies).toHaveLength(1);
  expect(counts).toEqual({ dropped: 1 });
});
