import { AgentFlowError } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { virtualWorld } from "../virtual/index.ts";
import {
  type BatchInfo,
  createBatcher,
  createLog,
  encodeTelemetry,
  sizeOfLine,
  type TenantLine,
  toBatcher,
} from "./index.ts";

interface Sent {
  readonly items: readonly string[];
  readonly info: BatchInfo;
  readonly at: number;
}

function open(options: { maxBytes?: number; backlogBytesMax?: number } = {}) {
  const { time } = virtualWorld();
  const sent: Sent[] = [];
  const state: { failing: boolean; hold: Promise<void> | undefined } = { failing: false, hold: undefined };
  const batcher = createBatcher<string>({
    timers: time,
    sizeOf: (item) => item.length,
    send: async (items, info) => {
      await state.hold;
      if (state.failing) throw new Error("bus is away");
      sent.push({ items, info, at: time.monotonic() });
    },
    ...options,
  });
  return { time, sent, state, batcher };
}

test("an item waits at most 100 ms and leaves with those that came meanwhile", async () => {
  const { time, sent, batcher } = open();
  batcher.add("a");
  await time.advance(60);
  batcher.add("b");
  await time.advance(39);
  expect(sent).toEqual([]);
  await time.advance(1);
  expect(sent).toEqual([{ items: ["a", "b"], info: { number: 1, dropped: 0 }, at: 100 }]);
  expect(time.pending()).toBe(0);
});

test("a full batch leaves at once, no batch is over the size, and a bigger item travels alone", async () => {
  const { time, sent, batcher } = open({ maxBytes: 10 });
  for (const item of ["aaaa", "bbbb", "cccc", "dddddddddddddddd", "ee"]) batcher.add(item);
  await time.settle();
  await time.advance(100);
  expect(sent.map((batch) => batch.items)).toEqual([
    ["aaaa", "bbbb"],
    ["cccc"],
    ["dddddddddddddddd"],
    ["ee"],
  ]);
  expect(sent[0]?.at).toBe(0);
});

test("what comes while a batch is on its way gathers for the next one", async () => {
  const { time, sent, batcher, state } = open();
  const { promise, resolve } = Promise.withResolvers<void>();
  state.hold = promise;
  batcher.add("a");
  await time.advance(100);
  for (const item of ["b", "c", "d"]) batcher.add(item);
  await time.advance(500);
  expect(sent).toEqual([]);
  resolve();
  await time.advance(100);
  expect(sent.map((batch) => batch.items)).toEqual([["a"], ["b", "c", "d"]]);
});

test("a batch that could not be sent is sent again, unchanged and in order, ever more slowly", async () => {
  const { time, sent, batcher, state } = open();
  state.failing = true;
  batcher.add("a");
  await time.advance(100);
  batcher.add("b");
  await time.advance(20_000);
  expect(sent).toEqual([]);
  state.failing = false;
  await time.advance(5_000);
  expect(sent.map(({ items, info }) => [items, info.number])).toEqual([
    [["a"], 1],
    [["b"], 2],
  ]);
  batcher.add("c");
  const before = time.monotonic();
  await time.advance(100);
  expect(sent[2]?.at).toBe(before + 100);
});

test("beyond the backlog the oldest are dropped, and the next batch that arrives says how many", async () => {
  const { time, sent, batcher, state } = open({ backlogBytesMax: 10, maxBytes: 100 });
  state.failing = true;
  batcher.add("first");
  await time.advance(100);
  for (let i = 0; i < 3_000; i++) batcher.add(`${i % 10}`);
  expect(batcher.dropped()).toBe(2_990);
  state.failing = false;
  await time.advance(10_000);
  expect(sent.map(({ items }) => items.join(""))).toEqual(["first", "0123456789"]);
  expect(sent.reduce((sum, { info }) => sum + info.dropped, 0)).toBe(2_990);
});

test("flush sends all that waits; close flushes and counts what comes later as dropped", async () => {
  const { sent, batcher, time } = open({ maxBytes: 2 });
  for (const item of ["a", "b", "c", "d", "e"]) batcher.add(item);
  await batcher.flush();
  expect(sent.flatMap((batch) => batch.items)).toEqual(["a", "b", "c", "d", "e"]);
  batcher.add("f");
  await batcher.close();
  expect(sent.at(-1)?.items).toEqual(["f"]);
  batcher.add("g");
  expect(batcher.dropped()).toBe(1);
  expect(time.pending()).toBe(0);
});

test("closing while the bus is away gives up after one try and counts what is lost", async () => {
  const { time, batcher, state } = open();
  state.failing = true;
  batcher.add("a");
  batcher.add("b");
  await batcher.close();
  expect(batcher.dropped()).toBe(2);
  expect(time.pending()).toBe(0);
});

test("log lines travel in batches with their tenant, as one telemetry record", async () => {
  const { time, clock } = virtualWorld();
  const sent: string[] = [];
  const batcher = createBatcher<TenantLine>({
    timers: time,
    sizeOf: sizeOfLine,
    send: (items, { dropped }) => {
      const mine = items.filter((item) => item.tenant === "acme").map((item) => item.line);
      sent.push(encodeTelemetry(mine, { source: "control-plane", dropped }));
    },
  });
  const log = createLog({ source: "control-plane", clock, outputs: [toBatcher(batcher)] });
  log.child({ tenant: "acme" }).info("one");
  log.child({ tenant: "acme" }).info("two");
  log.info("of the installation");
  await log.close();
  expect(sent).toHaveLength(1);
  expect(JSON.parse(sent[0] ?? "")).toMatchObject({
    v: 1,
    kind: "tele",
    source: "control-plane",
    records: [
      { kind: "log", message: "one" },
      { kind: "log", message: "two" },
    ],
  });
  expect(JSON.parse(encodeTelemetry([], { source: "a", dropped: 3 }))).toEqual({
    v: 1,
    kind: "tele",
    source: "a",
    dropped: 3,
    records: [],
  });
});

test("a batch that can never be taken is lost alone: what comes after it arrives, and says so", async () => {
  const { time } = virtualWorld();
  const sent: BatchInfo[] = [];
  const batcher = createBatcher<string>({
    timers: time,
    sizeOf: (item) => item.length,
    send: (items, info) => {
      if (items.includes("huge"))
        throw new AgentFlowError("limit_exceeded", "too long", { reason: "too_big" });
      sent.push(info);
    },
  });
  batcher.add("huge");
  await time.advance(100);
  batcher.add("small");
  await time.advance(100);
  expect(sent).toEqual([{ number: 2, dropped: 1 }]);
  expect(batcher.dropped()).toBe(1);
});
