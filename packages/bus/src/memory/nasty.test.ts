import { prefixes } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { fastWorld, realWorld } from "../contract/index.ts";
import { range, runSubject, taskSubject } from "../contract/kit.ts";
import type { Delivery } from "../port/index.ts";
import { openMemoryBus } from "./index.ts";

const subject = taskSubject();
const forever = new AbortController().signal;

/** Everything a busy little installation shows to its users, as text. */
async function story(seed: number): Promise<string> {
  const world = fastWorld(seed);
  const bus = openMemoryBus({ world });
  const told: string[] = [];
  await bus.queue.push(range(20).map((n) => ({ id: `t${n}`, subject, body: "" })));
  const stop = new AbortController();
  const take = { subjects: [subject], holder: "h", slots: 3, leaseMs: 100, signal: stop.signal };
  world.time.after(3_000, () => stop.abort());
  for await (const one of bus.queue.take(take)) {
    const put = await bus.log.append(runSubject(told.length), one.id, { expect: 0 });
    told.push(`${one.id} ${one.delivery} ${put.revision} ${await one.ack()} ${world.time.now()}`);
  }
  return told.join("\n");
}

describe("the nasty twin", () => {
  test("a world depends on its seed alone", async () => {
    expect(await story(7)).toBe(await story(7));
    expect(await story(7)).not.toBe(await story(8));
  });

  test("by default revisions have gaps", async () => {
    const bus = openMemoryBus({ world: fastWorld(1) });
    for (const n of range(50)) await bus.log.append(runSubject(n), "x", { expect: 0 });
    expect(await bus.log.head(prefixes.log)).toBeGreaterThan(50);
  });

  test("by default tasks come out of order, but none is overtaken without end", async () => {
    const order = await taken(200, { repeatRate: 0 });
    const places = order.map((one, place) => place - Number(one.id));
    expect(places.some((late) => late !== 0)).toBe(true);
    expect(new Set(order.map((one) => one.id)).size).toBe(200);
  });

  test("by default a task comes twice now and then, with its count raised", async () => {
    const order = await taken(1_000, {});
    const repeats = order.filter((one) => one.delivery > 1);
    expect(repeats.length).toBeGreaterThan(0);
    expect(repeats.length).toBeLessThan(60);
    expect(new Set(order.map((one) => one.id)).size).toBe(1_000);
  });

  test("by default a write of another client is seen late, and one's own at once", async () => {
    const bus = openMemoryBus({ world: fastWorld(1) });
    const other = bus.client("other");
    let stale = 0;
    for (const n of range(50)) {
      await bus.table.put("k", `${n}`, { expect: "any" });
      if ((await other.table.get("k"))?.value !== `${n}`) stale++;
      expect((await bus.table.get("k"))?.value).toBe(`${n}`);
    }
    expect(stale).toBeGreaterThan(5);
    expect(stale).toBeLessThan(50);
  });

  test("a polite one is in order, without gaps, and takes no time at all", async () => {
    const world = fastWorld(1);
    const bus = openMemoryBus({ world, polite: true });
    const start = world.time.now();
    for (const n of range(50)) {
      expect(await bus.log.append(runSubject(n), "x", { expect: 0 })).toEqual({ ok: true, revision: n + 1 });
    }
    expect(world.time.now()).toBe(start);
  });

  test("it lives on the machine's own time as well", async () => {
    const bus = openMemoryBus({ world: realWorld(1) });
    expect((await bus.log.append(runSubject(1), "x", { expect: 0 })).ok).toBe(true);
    for await (const batch of bus.log.tail({ filter: [prefixes.log], after: 0, signal: forever })) {
      expect(batch[0]?.body).toBe("x");
      break;
    }
  });
});

async function taken(count: number, nasty: { repeatRate?: number }): Promise<Delivery[]> {
  const world = fastWorld(1);
  const { queue } = openMemoryBus({ world, nasty });
  await queue.push(range(count).map((n) => ({ id: `${n}`, subject, body: "" })));
  const stop = new AbortController();
  world.time.after(60_000, () => stop.abort());
  const all: Delivery[] = [];
  for await (const one of queue.take({
    subjects: [subject],
    holder: "h",
    slots: 1,
    leaseMs: 500,
    signal: stop.signal,
  })) {
    all.push(one);
    await one.ack();
  }
  return all;
}
