import { prefixes } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { advanced, type Appended, type Bus, startOf } from "../port/index.ts";
import { Collector, flat } from "./collector.ts";
import { blobKey, type Kit, present, range, refused, runSubject, taskSubject, utf8 } from "./kit.ts";
import { oddTexts } from "./odd-texts.ts";

/** What a restart keeps, and how one learns what it did not. */
export function restartContract(kit: Kit): void {
  describe.skipIf(!kit.can.restarts)("restart", () => {
    for (const kind of ["graceful", "kill"] as const) kept(kit, kind);
    empty(kit);
  });
}

const subject = taskSubject();

function kept(kit: Kit, kind: "graceful" | "kill"): void {
  test.skipIf(!kit.can.durable)(`after a ${kind} restart log, table and blobs are as they were`, async () => {
    const opened = await kit.open();
    const before = await filled(opened.bus);
    const { bus } = await kit.restart(opened, kind, "kept");
    expect(await snapshot(bus)).toEqual(before);
    expect(Buffer.from(present(await bus.blobs.get(blobKey(utf8("blob"))), "the blob")).toString()).toBe(
      "blob",
    );
  });

  test.skipIf(!kit.can.durable)(
    `after a ${kind} restart the fence stands where it stood, and revisions go on growing`,
    async () => {
      const opened = await kit.open();
      const first = await opened.bus.log.append(runSubject(1), "1", { expect: 0 });
      const row = await opened.bus.table.put("k", "1", { expect: 0 });
      const { bus } = await kit.restart(opened, kind, "kept");
      const blind = await bus.log.append(runSubject(1), "2", { expect: 0 });
      expect(blind).toEqual({ ok: false, reason: "wrong_revision", revision: first.revision });
      const next = await bus.log.append(runSubject(1), "2", { expect: first.revision });
      expect(next.ok && next.revision > first.revision).toBe(true);
      expect((await bus.table.put("k", "2", { expect: 0 })).ok).toBe(false);
      const raised = await bus.table.put("k", "2", { expect: row.ok ? row.revision : 0 });
      expect(raised.ok && row.ok && raised.revision > row.revision).toBe(true);
    },
  );

  test.skipIf(!kit.can.durable)(
    `after a ${kind} restart a tail goes on behind the place it had reached`,
    async () => {
      const opened = await kit.open();
      const written: Appended[] = [];
      for (const n of range(6)) {
        written.push(await opened.bus.log.append(runSubject(n), `${n}`, { expect: 0 }));
      }
      const { bus } = await kit.restart(opened, kind, "kept");
      const { signal } = kit.stopper();
      const after = advanced(startOf(bus.log.lanes), written.slice(0, 4));
      const tail = new Collector(kit, flat(bus.log.tail({ filter: [prefixes.log], after, signal })));
      await tail.first(2);
      await bus.log.append(runSubject(6), "6", { expect: 0 });
      const bodies = (await tail.first(3)).map((entry) => entry.body);
      expect(bodies.toSorted()).toEqual(["4", "5", "6"]);
      expect(bodies[2]).toBe("6");
    },
  );

  test(`after a ${kind} restart the queue kept everything, or says so by its epoch`, async () => {
    const opened = await kit.open();
    const { queue } = opened.bus;
    const epoch = await queue.epoch();
    expect(await queue.epoch()).toBe(epoch);
    const pushed = range(5).map((n) => ({ id: `t${n}`, subject, body: `${n}` }));
    await queue.push(pushed);
    const { bus } = await kit.restart(opened, kind, "kept");
    if ((await bus.queue.epoch()) !== epoch) await bus.queue.push(pushed);
    const { signal } = kit.stopper();
    const take = { subjects: [subject], holder: "h", slots: 10, leaseMs: 60_000, signal };
    const holder = new Collector(kit, bus.queue.take(take));
    const ids = (await holder.first(5)).map((one) => one.id);
    expect(ids.toSorted()).toEqual(pushed.map((task) => task.id));
    await kit.sleep(100);
    expect(holder.items).toHaveLength(5);
  });

  test(`a ${kind} restart ends the old bus: streams end, calls are unavailable, closed settles`, async () => {
    const opened = await kit.open();
    const { signal } = kit.stopper();
    const tail = new Collector(kit, opened.bus.log.tail({ filter: [prefixes.log], after: 0, signal }));
    await kit.sleep(20);
    await kit.restart(opened, kind, "kept");
    await kit.within("the end of the tail", tail.ended);
    const error = await kit.within("closed", opened.bus.closed);
    if (kind === "graceful") expect(error).toBeUndefined();
    await refused("unavailable", () => opened.bus.log.append(runSubject(9), "x", { expect: 0 }));
  });
}

function empty(kit: Kit): void {
  test.skipIf(!kit.can.durable)(
    "what was acknowledged before a kill amid appends is there, and nothing twice",
    async () => {
      const opened = await kit.open();
      const acknowledged = new Set<number>();
      const writing = range(200).map(async (n) => {
        await kit.sleep(n / 4);
        const written = await opened.bus.log.append(runSubject(n), `${n}`, { expect: 0 });
        if (written.ok) acknowledged.add(n);
      });
      // Some fail while the restart is still under way.
      const settled = Promise.allSettled(writing);
      await kit.sleep(25);
      const { bus } = await kit.restart(opened, "kill", "kept");
      await settled;
      for (const n of range(200)) {
        const entries = await bus.log.read(runSubject(n));
        if (acknowledged.has(n)) expect(entries.map((entry) => entry.body)).toEqual([`${n}`]);
        else expect(entries.length).toBeLessThanOrEqual(1);
      }
    },
  );

  test("after a restart with nothing kept all is empty, the epoch is new, and work begins", async () => {
    const opened = await kit.open();
    await filled(opened.bus);
    const epoch = await opened.bus.queue.epoch();
    const { bus } = await kit.restart(opened, "kill", "empty");
    expect(await snapshot(bus)).toEqual({ heads: [0, 0, 0], entries: [], rows: [], blobs: [] });
    expect(await bus.queue.epoch()).not.toBe(epoch);
    expect((await bus.queue.depth()).filter((one) => one.waiting + one.leased > 0)).toEqual([]);
    expect((await bus.log.append(runSubject(0), "anew", { expect: 0 })).ok).toBe(true);
  });
}

async function filled(bus: Bus): Promise<unknown> {
  for (const [n, { text }] of oddTexts.entries()) {
    await bus.log.append(runSubject(n), text, { expect: 0 });
    await bus.table.put(`row.${n}`, text, { expect: 0 });
  }
  await bus.log.purge(runSubject(3));
  await bus.table.delete("row.4", { expect: "any" });
  await bus.blobs.put(blobKey(utf8("blob")), utf8("blob"));
  await bus.queue.push([{ id: "t", subject, body: "" }]);
  return snapshot(bus);
}

async function snapshot(bus: Bus): Promise<unknown> {
  const reads = range(oddTexts.length).map((n) => bus.log.read(runSubject(n)));
  return {
    heads: await Promise.all(
      [prefixes.log, prefixes.dead, prefixes.tele].map((prefix) => bus.log.head(prefix)),
    ),
    entries: (await Promise.all(reads)).flat(),
    rows: await bus.table.list(""),
    blobs: await bus.blobs.list(""),
  };
}
