import { AgentFlowError, prefixes } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { fastWorld, type TestWorld } from "../contract/index.ts";
import { inSubject, liveSubject, range, refused, runSubject, taskSubject } from "../contract/kit.ts";
import type { Bus, Delivery, LogEntry, TakeOptions } from "../port/index.ts";
import { type MemoryBus, openMemoryBus } from "./index.ts";

const subject = taskSubject();

interface House {
  readonly world: TestWorld;
  readonly bus: MemoryBus;
  readonly sleep: (ms: number) => Promise<void>;
}

function house(): House {
  const world = fastWorld(1);
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => void world.time.after(ms, resolve));
  return { world, bus: openMemoryBus({ world, polite: true }), sleep };
}

/** Reads in the background; `error` is what ended it. */
function reading<T>(source: AsyncIterable<T>): { items: T[]; error: () => unknown } {
  const items: T[] = [];
  let error: unknown;
  const run = async (): Promise<void> => {
    for await (const item of source) items.push(item);
  };
  run().catch((thrown: unknown) => (error = thrown));
  return { items, error: () => error };
}

const tail = (bus: Bus): { items: (readonly LogEntry[])[]; error: () => unknown } =>
  reading(bus.log.tail({ filter: [prefixes.log], after: 0, signal: new AbortController().signal }));

const take = (bus: Bus, of: Partial<TakeOptions> = {}): { items: Delivery[]; error: () => unknown } => {
  const { signal } = new AbortController();
  return reading(
    bus.queue.take({ subjects: [subject], holder: "h", slots: 9, leaseMs: 1_000, signal, ...of }),
  );
};

const push = (bus: Bus, count: number): Promise<unknown> =>
  bus.queue.push(range(count).map((n) => ({ id: `t${n}`, subject, body: "" })));

describe("faults of the memory bus", () => {
  test("a call can be made to fail before it is carried out, or after", async () => {
    const { bus } = house();
    bus.faults.failNext("append", "before");
    bus.faults.failNext("append", "after");
    await refused("unavailable", () => bus.log.append(runSubject(1), "never", { expect: 0 }));
    await refused("unavailable", () => bus.log.append(runSubject(1), "kept", { expect: 0 }));
    expect((await bus.log.read(runSubject(1))).map((entry) => entry.body)).toEqual(["kept"]);
  });

  test("a fault for one client waits for that client", async () => {
    const { bus } = house();
    bus.faults.failNext("table_put", "before", { client: "worker" });
    expect((await bus.table.put("a", "1", { expect: 0 })).ok).toBe(true);
    await refused("unavailable", () => bus.client("worker").table.put("b", "1", { expect: 0 }));
    bus.faults.failNext("push", "after");
    await refused("unavailable", () => push(bus, 1));
    expect(await bus.queue.depth()).toEqual([{ subject, waiting: 1, leased: 0 }]);
    bus.faults.failNext("request", "after");
    await bus.wire.serve(inSubject(1), async (body) => body);
    await refused("timeout", () => bus.wire.request(inSubject(1), "x", { timeoutMs: 100 }));
  });

  test("a slow disk delays the write itself, late answers only its answer", async () => {
    const { bus, world, sleep } = house();
    bus.faults.slowDisk(500);
    const slow = bus.log.append(runSubject(1), "slow", { expect: 0 });
    await sleep(400);
    expect(await bus.log.read(runSubject(1))).toEqual([]);
    expect((await slow).ok).toBe(true);
    bus.faults.slowDisk(0);
    bus.faults.lateAnswers(500);
    const start = world.time.now();
    const late = bus.log.append(runSubject(2), "late", { expect: 0 });
    await sleep(100);
    expect(await bus.log.read(runSubject(2))).toHaveLength(1);
    await late;
    expect(world.time.now() - start).toBe(500);
  });

  test("a partitioned client gets timeouts and nothing else, until it heals", async () => {
    const { bus, sleep } = house();
    const worker = bus.client("worker");
    const tailed = tail(worker);
    const taken = take(worker);
    const heard: string[] = [];
    await worker.wire.serve(inSubject(1), async () => "served");
    await worker.wire.subscribe(liveSubject(1), (body) => heard.push(body));
    await sleep(1);
    bus.faults.partition("worker");
    await refused("timeout", () => worker.log.append(runSubject(1), "x", { expect: 0 }));
    await refused("timeout", () => worker.queue.epoch());
    await refused("timeout", () => worker.wire.request(inSubject(2), "x", { timeoutMs: 50 }));
    await refused("timeout", () => bus.wire.request(inSubject(1), "x", { timeoutMs: 50 }));
    bus.wire.publish(liveSubject(1), "missed");
    await bus.log.append(runSubject(2), "y", { expect: 0 });
    await push(bus, 2);
    await sleep(5_000);
    expect([tailed.items, taken.items, heard]).toEqual([[], [], []]);
    bus.faults.heal("worker");
    await sleep(10);
    expect(tailed.items.flat().map((entry) => entry.body)).toEqual(["y"]);
    expect(taken.items).toHaveLength(2);
    expect(await bus.wire.request(inSubject(1), "x", { timeoutMs: 50 })).toBe("served");
    expect(tailed.error() ?? taken.error()).toBeUndefined();
  });

  test("the leases of a partitioned holder run out, on both sides", async () => {
    const { bus, sleep } = house();
    await push(bus, 1);
    const far = take(bus.client("worker"));
    await sleep(10);
    bus.faults.partition("worker");
    const near = take(bus, { holder: "near" });
    await sleep(900);
    expect(near.items).toHaveLength(0);
    await sleep(200);
    expect(near.items.map((one) => one.delivery)).toEqual([2]);
    expect(far.items[0]?.lost.aborted).toBe(true);
    bus.faults.heal();
    expect(await far.items[0]?.ack()).toBe(false);
    expect(await near.items[0]?.ack()).toBe(true);
  });

  test("a crashed client is gone: streams end, servers vanish, leases end by time", async () => {
    const { bus, sleep } = house();
    const worker = bus.client("worker");
    await push(bus, 1);
    const [far, tailed] = [take(worker), tail(worker)];
    await worker.wire.serve(inSubject(1), async () => "served");
    await sleep(10);
    bus.faults.crash("worker");
    expect(AgentFlowError.is(await worker.closed)).toBe(true);
    await sleep(1);
    for (const error of [far.error(), tailed.error()]) expect(error).toMatchObject({ code: "unavailable" });
    await refused("unavailable", () => worker.log.read(runSubject(1)));
    await refused("unavailable", () => bus.wire.request(inSubject(1), "x", { timeoutMs: 50 }));
    const next = take(bus.client("worker"), { holder: "next" });
    await sleep(900);
    expect(next.items).toHaveLength(0);
    await sleep(200);
    expect(next.items.map((one) => one.delivery)).toEqual([2]);
  });

  test("what a client had sent when it crashed arrives in some worlds and not in others", async () => {
    const arrived = await Promise.all(
      range(20).map(async (seed) => {
        const bus = openMemoryBus({ world: fastWorld(seed), nasty: { delayMsMax: 50 } });
        const sent = bus.client("worker").log.append(runSubject(1), "sent", { expect: 0 });
        bus.faults.crash("worker");
        await refused("unavailable", () => sent);
        return (await bus.log.read(runSubject(1))).length;
      }),
    );
    expect(new Set(arrived)).toEqual(new Set([0, 1]));
  });

  test("a lost tail of the log takes records and revisions with it, and cuts every stream", async () => {
    const { bus, sleep } = house();
    for (const n of range(5)) await bus.log.append(runSubject(1), `${n}`, { expect: n });
    const tailed = tail(bus);
    await sleep(1);
    expect(bus.faults.dropLogTail(2).length).toBe(2);
    expect((await bus.log.read(runSubject(1))).map((entry) => entry.body)).toEqual(["0", "1", "2"]);
    const blind = await bus.log.append(runSubject(1), "after", { expect: 5 });
    expect(blind).toEqual({ ok: false, reason: "wrong_revision", revision: 3 });
    expect(await bus.log.append(runSubject(2), "reused", { expect: 0 })).toEqual({ ok: true, revision: 4 });
    expect(tailed.error()).toMatchObject({ code: "unavailable" });
  });

  test("a restarted queue is empty under a new epoch, and what was held is lost", async () => {
    const { bus, sleep } = house();
    await push(bus, 2);
    const before = take(bus, { slots: 1 });
    await sleep(1);
    const epoch = await bus.queue.epoch();
    bus.faults.restartQueue();
    expect(await bus.queue.epoch()).not.toBe(epoch);
    expect(await bus.queue.depth()).toEqual([]);
    expect(await before.items[0]?.ack()).toBe(false);
    expect(before.error()).toMatchObject({ code: "unavailable" });
    await push(bus, 2);
    const after = take(bus, { resume: ["t0"] });
    await sleep(1);
    expect(after.items.map((one) => [one.id, one.delivery])).toEqual([
      ["t0", 1],
      ["t1", 1],
    ]);
    expect((await bus.log.append(runSubject(1), "x", { expect: 0 })).ok).toBe(true);
  });

  test("a delivery can be repeated while its holder believes in it", async () => {
    const { bus, sleep } = house();
    await push(bus, 1);
    const first = take(bus);
    await sleep(1);
    const second = take(bus, { holder: "second" });
    await sleep(1);
    expect(bus.faults.repeatDelivery("t0")).toBe(true);
    await sleep(1);
    const all = [...first.items, ...second.items].sort((a, b) => a.delivery - b.delivery);
    expect(all.map((one) => one.delivery)).toEqual([1, 2]);
    expect(all[0]?.lost.aborted).toBe(false);
    expect(await all[0]?.ack()).toBe(false);
    expect(await all[1]?.ack()).toBe(true);
    expect(bus.faults.repeatDelivery("t0")).toBe(false);
  });
});
