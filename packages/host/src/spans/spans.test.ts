import { createHash } from "node:crypto";
import type { SpanRecord } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { createSecrets } from "../log/index.ts";
import { virtualWorld } from "../virtual/index.ts";
import {
  createTracer,
  formatTraceparent,
  parseTraceparent,
  spanIdOf,
  spanNames,
  toOtlp,
  traceIdOf,
} from "./index.ts";

function open() {
  const world = virtualWorld();
  const records: SpanRecord[] = [];
  const tenants: (string | undefined)[] = [];
  const secrets = createSecrets();
  const tracer = createTracer({
    ...world,
    secrets,
    sink: (record, tenant) => {
      records.push(record);
      tenants.push(tenant);
    },
  });
  return { ...world, tracer, records, tenants, secrets };
}

test("a span becomes one record with its parent, its duration and whom it belongs to", async () => {
  const { time, tracer, records, tenants } = open();
  const run = tracer.startSpan(spanNames.run, { run: "r1", tenant: "acme", ids: { trace: traceIdOf("r1") } });
  const step = tracer.startSpan(spanNames.step, {
    parent: run.context,
    run: "r1",
    step: "draft",
    attempt: 1,
  });
  await time.advance(12);
  step.set({ pool: "default" });
  step.end({ attributes: { items: 3 } });
  step.end();
  run.end({ errorType: "conflict" });
  expect(records).toEqual([
    {
      kind: "span",
      trace: traceIdOf("r1"),
      span: step.context.span,
      parent: run.context.span,
      name: "agentflow.step",
      startedAt: "2026-01-01T00:00:00.000Z",
      ms: 12,
      ok: true,
      run: "r1",
      step: "draft",
      attempt: 1,
      attributes: { pool: "default", items: 3 },
    },
    {
      kind: "span",
      trace: traceIdOf("r1"),
      span: run.context.span,
      name: "agentflow.run",
      startedAt: "2026-01-01T00:00:00.000Z",
      ms: 12,
      ok: false,
      run: "r1",
      attributes: { "error.type": "conflict" },
    },
  ]);
  expect(tenants).toEqual([undefined, "acme"]);
});

test("a span may be written down afterwards, and is never negative", () => {
  const { tracer, records, clock } = open();
  tracer.startSpan(spanNames.queueWait, { startMs: clock.now() - 250 }).end();
  tracer.startSpan("late", { startMs: 1_000 }).end({ endMs: 1_500 });
  tracer.startSpan("back", { startMs: 1_000 }).end({ endMs: 500 });
  expect(records.map(({ ms }) => ms)).toEqual([250, 500, 0]);
  expect(records[1]?.startedAt).toBe("1970-01-01T00:00:01.000Z");
});

test("what is not sampled makes no record, and its children are not sampled either", () => {
  const { tracer, records } = open();
  const parent = parseTraceparent(`00-${"a".repeat(32)}-${"b".repeat(16)}-00`);
  const span = tracer.startSpan("x", { parent });
  expect(span.context.sampled).toBe(false);
  span.end();
  tracer.startSpan("y", { parent: span.context }).end();
  expect(records).toEqual([]);
});

test("secrets do not leave in a span's name or attributes", () => {
  const { tracer, records, secrets } = open();
  secrets.register("swordfish-99");
  tracer.startSpan("GET /x?key=swordfish-99").end({ attributes: { apiKey: "abc", url: "/?k=swordfish-99" } });
  expect(JSON.stringify(records)).not.toContain("swordfish-99");
  expect(records[0]?.attributes).toMatchObject({ apiKey: "[redacted]" });
});

test("a traceparent survives the wire", () => {
  const context = { trace: "4bf92f3577b34da6a3ce929d0e0e4736", span: "00f067aa0ba902b7", sampled: true };
  const text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  expect(formatTraceparent(context)).toBe(text);
  expect(parseTraceparent(text)).toEqual(context);
  expect(parseTraceparent(text.replace(/^00/, "cc").concat("-more"))).toEqual(context);
  expect(parseTraceparent(text.replace(/01$/, "02"))?.sampled).toBe(false);
});

test.each([
  undefined,
  "",
  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
  "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
  `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
  `00-4bf92f3577b34da6a3ce929d0e0e4736-${"0".repeat(16)}-01`,
  `cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-${"x".repeat(500)}`,
])("traceparent %# is invalid and starts a new trace", (text) => {
  expect(parseTraceparent(text)).toBeUndefined();
});

test("a run's trace is the head of the SHA-256 of its id, and derived span ids are stable", () => {
  const hash = createHash("sha256").update("r1").digest("hex");
  expect(traceIdOf("r1")).toBe(hash.slice(0, 32));
  expect(spanIdOf("r1")).toBe(hash.slice(0, 16));
});

test("a record maps to OTLP without a loss", async () => {
  const { time, tracer, records } = open();
  const parent = { trace: "a".repeat(32), span: "b".repeat(16), sampled: true };
  const link = { trace: "c".repeat(32), span: "d".repeat(16), sampled: true };
  const span = tracer.startSpan("chat m", { parent, run: "r1", kind: "client", links: [link] });
  await time.advance(1.5);
  span.end({ errorType: "timeout", attributes: { n: 1, f: 0.5, b: true, l: ["x"] } });
  const [record] = records;
  if (record === undefined) throw new Error("no record");
  expect(toOtlp(record)).toEqual({
    traceId: parent.trace,
    spanId: span.context.span,
    parentSpanId: parent.span,
    name: "chat m",
    kind: 3,
    startTimeUnixNano: "1767225600000000000",
    endTimeUnixNano: "1767225600001500000",
    attributes: [
      { key: "agentflow.run.id", value: { stringValue: "r1" } },
      { key: "n", value: { intValue: "1" } },
      { key: "f", value: { doubleValue: 0.5 } },
      { key: "b", value: { boolValue: true } },
      { key: "l", value: { arrayValue: { values: [{ stringValue: "x" }] } } },
      { key: "error.type", value: { stringValue: "timeout" } },
    ],
    links: [{ traceId: link.trace, spanId: link.span }],
    status: { code: 2, message: "timeout" },
  });
});
