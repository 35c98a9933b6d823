import { prefixes } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { advanced, type Bus, type Position, startOf } from "../port/index.ts";
import { Collector, flat } from "./collector.ts";
import { inSubject, type Kit, liveSubject, present, range, refused, runSubject, taskSubject } from "./kit.ts";
import type { Faults, Opened } from "./maker.ts";

/** Answers that are lost or late, commits that fail, connections that break, buses that are closed. */
export function faultsContract(kit: Kit): void {
  describe("faults", () => {
    answers(kit);
    connections(kit);
    closing(kit);
  });
}

function fault<Name extends keyof Faults>(opened: Opened, name: Name): NonNullable<Faults[Name]> {
  const one = present(opened.faults, "faults")[name];
  if (one === undefined) throw new Error(`the adapter claims ${name} and has none`);
  return one;
}

function answers(kit: Kit): void {
  test.skipIf(kit.lacks("loseNextAnswer"))(
    "when the answer to an append is lost the record is there, and reading settles it",
    async () => {
      const opened = await kit.open();
      const { log } = opened.bus;
      const first = await log.append(runSubject(1), "1", { expect: 0 });
      await fault(opened, "loseNextAnswer")();
      await refused(["unavailable", "timeout"], () =>
        log.append(runSubject(1), "2", { expect: first.revision }),
      );
      const entries = await log.read(runSubject(1));
      expect(entries.map((entry) => entry.body)).toEqual(["1", "2"]);
      const blind = await log.append(runSubject(1), "2 again", { expect: first.revision });
      expect(blind).toEqual({ ok: false, reason: "wrong_revision", revision: entries[1]?.revision });
      const next = await log.append(runSubject(1), "3", { expect: entries[1]?.revision ?? 0 });
      expect(next.ok).toBe(true);
    },
  );

  test.skipIf(kit.lacks("loseNextAnswer"))("a tail sees a record whose answer was lost, once", async () => {
    const opened = await kit.open();
    const { log } = opened.bus;
    const { signal } = kit.stopper();
    const tail = new Collector(kit, flat(log.tail({ filter: [prefixes.log], after: 0, signal })));
    await fault(opened, "loseNextAnswer")();
    await refused(["unavailable", "timeout"], () => log.append(runSubject(1), "1", { expect: 0 }));
    await log.append(runSubject(2), "2", { expect: 0 });
    expect((await tail.first(2)).map((entry) => entry.body)).toEqual(["1", "2"]);
  });

  test.skipIf(kit.lacks("failNextCommit"))(
    "a failed commit is unavailable, leaves nothing behind, and appends soon work again",
    async () => {
      const opened = await kit.open();
      const { log } = opened.bus;
      const { signal } = kit.stopper();
      const first = await log.append(runSubject(1), "1", { expect: 0 });
      const tail = new Collector(kit, flat(log.tail({ filter: [prefixes.log], after: 0, signal })));
      await fault(opened, "failNextCommit")();
      await refused("unavailable", () => log.append(runSubject(1), "failed", { expect: first.revision }));
      expect((await log.read(runSubject(1))).map((entry) => entry.body)).toEqual(["1"]);
      const next = await retried(kit, () => log.append(runSubject(1), "2", { expect: first.revision }));
      expect(next.ok).toBe(true);
      expect((await tail.first(2)).map((entry) => entry.body)).toEqual(["1", "2"]);
    },
  );

  test.skipIf(kit.lacks("failNextCommit"))(
    "of appends made together with a failing one each is there or unavailable, never both, never neither",
    async () => {
      const opened = await kit.open();
      const { log } = opened.bus;
      await fault(opened, "failNextCommit")();
      const outcome = await Promise.allSettled(
        range(20).map((n) => log.append(runSubject(n), `${n}`, { expect: 0 })),
      );
      expect(outcome.filter((one) => one.status === "rejected").length).toBeGreaterThan(0);
      for (const [n, one] of outcome.entries()) {
        expect(await log.read(runSubject(n))).toHaveLength(one.status === "fulfilled" ? 1 : 0);
      }
      for (const [n, one] of outcome.entries()) {
        if (one.status === "fulfilled") continue;
        expect((await retried(kit, () => log.append(runSubject(n), "b", { expect: 0 }))).ok).toBe(true);
      }
    },
  );

  test.skipIf(kit.lacks("lateAnswers"))(
    "a late answer is an answer, and others are read meanwhile",
    async () => {
      const opened = await kit.open();
      const { log } = opened.bus;
      await fault(opened, "lateAnswers")(300);
      const before = kit.time.now();
      const late = await log.append(runSubject(1), "late", { expect: 0 });
      expect(late.ok).toBe(true);
      expect(kit.time.now() - before).toBeGreaterThanOrEqual(290);
      await fault(opened, "lateAnswers")(0);
      expect(await log.read(runSubject(1))).toHaveLength(1);
    },
  );
}

function connections(kit: Kit): void {
  const cut = kit.lacks("cutConnection");

  async function cutClient(): Promise<{ opened: Opened; bus: Bus; cutIt: () => Promise<void> }> {
    const opened = await kit.open();
    const bus = kit.can.severalClients ? await kit.second(opened) : opened.bus;
    return { opened, bus, cutIt: () => fault(opened, "cutConnection")(bus) };
  }

  test.skipIf(cut)(
    "a tail whose connection broke goes on, or says so, and nothing is missed or repeated",
    async () => {
      const { opened, bus, cutIt } = await cutClient();
      const tailFrom = (after: Position): Collector<{ body: string; revision: number }> => {
        const { signal } = kit.stopper();
        return new Collector(kit, flat(bus.log.tail({ filter: [prefixes.log], after, signal })));
      };
      await opened.bus.log.append(runSubject(1), "1", { expect: 0 });
      const start = startOf(bus.log.lanes);
      const before = tailFrom(start);
      const last = await before.at(0);
      await cutIt();
      const end = await kit.within("the end", before.ended, 1_000).catch(() => undefined);
      await opened.bus.log.append(runSubject(2), "2", { expect: 0 });
      if (end !== undefined) expect(end).toMatchObject({ code: "unavailable" });
      const next =
        end === undefined
          ? await before.at(1)
          : (await retried(kit, () => tailFrom(advanced(start, [last])).first(1, 1_000)))[0];
      expect(next?.body).toBe("2");
    },
  );

  test.skipIf(cut)("a client works again after its connection broke, on every port", async () => {
    const { bus, cutIt } = await cutClient();
    await cutIt();
    await retried(kit, () => bus.log.read(runSubject(1)));
    expect((await bus.log.append(runSubject(1), "1", { expect: 0 })).ok).toBe(true);
    expect((await bus.table.put("k", "v", { expect: 0 })).ok).toBe(true);
    expect(await bus.queue.push([{ id: "t", subject: taskSubject(), body: "" }])).toEqual([{ ok: true }]);
    const { signal } = kit.stopper();
    const take = { subjects: [taskSubject()], holder: "h", slots: 1, leaseMs: 60_000, signal };
    expect(await (await new Collector(kit, bus.queue.take(take)).at(0)).ack()).toBe(true);
  });

  test.skipIf(cut)("a server and a listener are there again after the connection broke", async () => {
    const { opened, bus, cutIt } = await cutClient();
    const heard: string[] = [];
    await bus.wire.serve(inSubject(1), async (body) => `again ${body}`);
    await bus.wire.subscribe(liveSubject(1), (body) => heard.push(body));
    await cutIt();
    const ask = (): Promise<string> => opened.bus.wire.request(inSubject(1), "x", { timeoutMs: 500 });
    expect(await retried(kit, ask)).toBe("again x");
    for (let tries = 0; heard.length === 0 && tries < 100; tries++) {
      opened.bus.wire.publish(liveSubject(1), "live");
      await kit.sleep(20);
    }
    expect(heard[0]).toBe("live");
  });
}

function closing(kit: Kit): void {
  test("a closed bus says so: calls are unavailable, streams end, closed settles", async () => {
    const opened = await kit.open();
    const { bus } = opened;
    const { signal } = kit.stopper();
    const tail = new Collector(kit, bus.log.tail({ filter: [prefixes.log], after: 0, signal }));
    await kit.sleep(20);
    await opened.close();
    expect(await kit.within("closed", bus.closed)).toBeUndefined();
    const end = await kit.within("the end of the tail", tail.ended);
    if (end !== undefined) expect(end).toMatchObject({ code: "unavailable" });
    await refused("unavailable", () => bus.log.append(runSubject(1), "x", { expect: 0 }));
    await refused("unavailable", () => bus.log.read(runSubject(1)));
    await refused("unavailable", () => bus.queue.push([{ id: "t", subject: taskSubject(), body: "" }]));
    await refused("unavailable", () => bus.table.get("k"));
    await refused("unavailable", () => bus.blobs.list(""));
    await refused("unavailable", () => bus.wire.request(inSubject(1), "x", { timeoutMs: 500 }));
    await bus.close();
  });

  test.skipIf(!kit.can.severalClients)("closing one client leaves the others alone", async () => {
    const opened = await kit.open();
    const other = await kit.second(opened);
    await other.log.append(runSubject(1), "1", { expect: 0 });
    await other.close();
    await refused("unavailable", () => other.log.read(runSubject(1)));
    expect(await opened.bus.log.read(runSubject(1))).toHaveLength(1);
  });
}

async function retried<T>(kit: Kit, work: () => Promise<T>): Promise<T> {
  for (let tries = 0; tries < 60; tries++) {
    try {
      return await work();
    } catch {
      await kit.sleep(50);
    }
  }
  return work();
}
