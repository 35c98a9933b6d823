import { describe, expect, test } from "vitest";
import type { Delivery } from "../port/index.ts";
import type { Collector } from "./collector.ts";
import { type Kit, present } from "./kit.ts";
import { idsOf, subject, taker, tasks } from "./queue.contract.ts";

/** What a holder can do about tasks it works on when its connection, or the queue, went away. */
export function resumeContract(kit: Kit): void {
  describe("queue, resumed", () => {
    test("a task that waits again becomes its holder's own, its count not raised", async () => {
      const { queue } = await kit.bus();
      await queue.push(tasks(1));
      const stopper = kit.stopper();
      const first = await taker(kit, queue, { leaseMs: 200, signal: stopper.signal }).at(0);
      stopper.abort();
      await kit.sleep(500);
      expect(await first.ack()).toBe(false);
      const back = await taker(kit, queue, { resume: [first.id] }).at(0);
      expect({ id: back.id, delivery: back.delivery }).toEqual({ id: first.id, delivery: 1 });
      expect(await back.ack()).toBe(true);
    });

    test("a task still leased under the holder's name is taken over, whole", async () => {
      const { queue } = await kit.bus();
      await queue.push(tasks(3));
      const stopper = kit.stopper();
      const before = taker(kit, queue, { signal: stopper.signal });
      const held = await before.first(3);
      stopper.abort();
      const after = taker(kit, queue, { resume: held.map((one) => one.id) });
      const back = await after.first(3);
      expect(idsOf(back)).toEqual(idsOf(held));
      expect(back.map((one) => one.delivery)).toEqual([1, 1, 1]);
      for (const one of back) expect(await one.ack()).toBe(true);
    });

    test("a task that somebody else holds stays his", async () => {
      const { queue } = await kit.bus();
      await queue.push(tasks(1));
      const other = await taker(kit, queue, { holder: "other" }).at(0);
      const late = taker(kit, queue, { holder: "late", resume: [other.id] });
      await kit.sleep(200);
      expect(late.items).toEqual([]);
      expect(other.lost.aborted).toBe(false);
      expect(await other.ack()).toBe(true);
    });

    test("an id that the queue learns of later goes to the holder that had announced it", async () => {
      const { queue } = await kit.bus();
      const [task] = tasks(1);
      const holder = taker(kit, queue, { holder: "mine", resume: [task?.id ?? ""] });
      taker(kit, queue, { holder: "others" });
      await kit.sleep(100);
      await queue.push(tasks(1));
      const back = await holder.at(0);
      expect({ id: back.id, delivery: back.delivery }).toEqual({ id: task?.id, delivery: 1 });
      expect(await back.ack()).toBe(true);
    });

    test("resumed tasks count as slots", async () => {
      const { queue } = await kit.bus();
      await queue.push(tasks(4));
      const stopper = kit.stopper();
      const held = await taker(kit, queue, { slots: 2, signal: stopper.signal }).first(2);
      stopper.abort();
      const after = taker(kit, queue, { slots: 2, resume: held.map((one) => one.id) });
      await after.first(2);
      await kit.sleep(100);
      expect(idsOf(after.items)).toEqual(idsOf(held));
      await after.items[0]?.ack();
      await after.first(3);
    });

    test.skipIf(kit.lacks("cutConnection"))(
      "after a lost connection a holder keeps what it works on",
      async () => {
        const opened = await kit.open();
        const bus = kit.can.severalClients ? await kit.second(opened) : opened.bus;
        await opened.bus.queue.push(tasks(2));
        const before = taker(kit, bus.queue);
        const held = await before.first(2);
        await present(opened.faults?.cutConnection, "cutConnection")(bus);
        const end = await ended(kit, before);
        const back = end === undefined ? before : await again(kit, bus, held);
        if (end !== undefined) expect(end).toMatchObject({ code: "unavailable" });
        expect(idsOf(back.items)).toEqual(idsOf(held));
        for (const one of back.items) expect(await one.ack()).toBe(true);
        expect((await opened.bus.queue.depth()).filter((one) => one.waiting + one.leased > 0)).toEqual([]);
      },
    );

    test.skipIf(!kit.can.restarts)(
      "after a restart a holder announces its tasks, and no other gets them",
      async () => {
        const opened = await kit.open();
        await opened.bus.queue.push(tasks(2));
        const held = await taker(kit, opened.bus.queue).first(2);
        const { bus } = await kit.restart(opened, "kill", "kept");
        const holder = taker(kit, bus.queue, { resume: held.map((one) => one.id) });
        await kit.sleep(100);
        const other = taker(kit, bus.queue, { holder: "other" });
        await bus.queue.push(tasks(2));
        expect(idsOf(await holder.first(2))).toEqual(idsOf(held));
        await kit.sleep(100);
        expect(other.items).toEqual([]);
      },
    );
  });
}

type Client = Awaited<ReturnType<Kit["bus"]>>;

/** What ended the take, or undefined when it goes on by itself. */
function ended(kit: Kit, taking: Collector<Delivery>): Promise<unknown> {
  return kit.within("the end of the take", taking.ended, 1_000).catch(() => undefined);
}

/** Takes until the connection is back and the tasks are, as a worker would. */
async function again(kit: Kit, bus: Client, held: readonly Delivery[]): Promise<Collector<Delivery>> {
  const resume = held.map((one) => one.id);
  for (let tries = 0; tries < 20; tries++) {
    const taking = taker(kit, bus.queue, { resume, subjects: [subject] });
    const there = taking.first(held.length, 1_000).then(
      () => true,
      () => false,
    );
    if (await Promise.race([there, taking.ended.then(() => false)])) return taking;
    await kit.sleep(50);
  }
  throw new Error("the tasks did not come back");
}
