import { prefixes, type Subject, subjects, parseId } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { bodyBytesMax, type DeadLetter, type Delivery, type Queue, type TakeOptions } from "../port/index.ts";
import { Collector } from "./collector.ts";
import { type Kit, range, refused, taskSubject } from "./kit.ts";
import { oddTexts } from "./odd-texts.ts";

export function queueContract(kit: Kit): void {
  describe("queue", () => {
    handingOut(kit);
    looking(kit);
    leases(kit);
    givingUp(kit);
    pressure(kit);
  });
}

export const subject = taskSubject();

export function tasks(
  count: number,
  to: Subject = subject,
): { id: string; subject: Subject; body: string }[] {
  return range(count).map((n) => ({ id: `${to}:${n}`, subject: to, body: `body ${n}` }));
}

/** A holder that takes; by default more than a test needs, for longer than it lasts. */
export function taker(kit: Kit, queue: Queue, of: Partial<TakeOptions> = {}): Collector<Delivery> {
  const { signal } = kit.stopper();
  const given = { subjects: [subject], holder: "holder", slots: 100, leaseMs: 60_000, signal, ...of };
  return new Collector(kit, queue.take(given));
}

export const idsOf = (deliveries: readonly Delivery[]): string[] => deliveries.map((one) => one.id).sort();

/** Long enough for anything that would wrongly come to have come. */
const quietMs = 150;

function handingOut(kit: Kit): void {
  test("each task is handed out once while its lease holds, whole, with delivery 1", async () => {
    const { queue } = await kit.bus();
    const pushed = tasks(20);
    expect(await queue.push(pushed)).toEqual(pushed.map(() => ({ ok: true })));
    const holder = taker(kit, queue);
    const other = taker(kit, queue, { holder: "other" });
    const both = (): Delivery[] => [...holder.items, ...other.items];
    await holder.until(() => both().length >= 20, "20 deliveries").catch(() => undefined);
    await kit.sleep(quietMs);
    expect(idsOf(both())).toEqual(pushed.map((task) => task.id).sort());
    for (const { id, subject, body, delivery, lost } of both()) {
      expect(pushed).toContainEqual({ id, subject, body });
      expect({ delivery, lost: lost.aborted }).toEqual({ delivery: 1, lost: false });
    }
  });

  test("a task that is pushed while somebody waits reaches him at once", async () => {
    const { queue } = await kit.bus();
    const holder = taker(kit, queue);
    await kit.sleep(20);
    await queue.push(tasks(1));
    expect((await holder.at(0, 2_000)).body).toBe("body 0");
  });

  test("only the subjects that were named are handed out", async () => {
    const { queue } = await kit.bus();
    const [gpu, cpu, none] = [taskSubject("gpu"), taskSubject("cpu"), taskSubject("none")];
    await queue.push([...tasks(3, gpu), ...tasks(3, cpu), ...tasks(3, none)]);
    const holder = taker(kit, queue, { subjects: [gpu, cpu] });
    await holder.first(6);
    await kit.sleep(quietMs);
    expect(new Set(holder.items.map((one) => one.subject))).toEqual(new Set([gpu, cpu]));
    expect(await queue.depth()).toContainEqual({ subject: none, waiting: 3, leased: 0 });
  });

  test("one tenant's tasks are not another's, and tenants are apart in the subject", async () => {
    const { queue } = await kit.bus();
    const other = taskSubject("default", parseId("tenant", "other"));
    await queue.push([...tasks(2), ...tasks(2, other)]);
    const holder = taker(kit, queue, { subjects: [other] });
    await holder.first(2);
    await kit.sleep(quietMs);
    expect(holder.items.map((one) => one.subject)).toEqual([other, other]);
  });

  test("no holder has more than its slots, and each slot that is freed is filled", async () => {
    const { queue } = await kit.bus();
    await queue.push(tasks(10));
    const holder = taker(kit, queue, { slots: 3 });
    const done = new Set<string>();
    for (let taken = 3; taken < 10; taken++) {
      await holder.first(taken);
      await kit.sleep(5);
      expect(holder.items.length).toBe(taken);
      const oldest = holder.items.find((one) => !done.has(one.id));
      expect(await oldest?.ack()).toBe(true);
      done.add(oldest?.id ?? "");
    }
    await holder.first(10);
    expect(new Set(idsOf(holder.items)).size).toBe(10);
  });

  test("work is shared among those who take: nobody waits while another has it all", async () => {
    const { queue } = await kit.bus();
    const holders = range(4).map((n) => taker(kit, queue, { holder: `holder-${n}` }));
    await kit.sleep(50);
    for (const task of tasks(40)) await queue.push([task]);
    const count = (): number => holders.reduce((sum, holder) => sum + holder.items.length, 0);
    await kit.sleep(quietMs);
    expect(count()).toBe(40);
    for (const holder of holders) expect(holder.items.length).toBeGreaterThanOrEqual(5);
  });

  test("a body travels unchanged, up to the limit; one that is over it fails its push whole", async () => {
    const { queue } = await kit.bus();
    const texts = [...oddTexts.map((odd) => odd.text), "x".repeat(bodyBytesMax - 1)];
    await queue.push(texts.map((body, n) => ({ id: `odd-${n}`, subject, body })));
    const holder = taker(kit, queue);
    for (const one of await holder.first(texts.length)) {
      expect(one.body === texts[Number(one.id.slice(4))]).toBe(true);
      await one.ack();
    }
    const big = { id: "big", subject, body: "x".repeat(bodyBytesMax + 1) };
    await refused("limit_exceeded", () => queue.push([...tasks(1), big]));
    await kit.sleep(quietMs);
    expect(holder.items).toHaveLength(texts.length);
  });

  test("the depth tells waiting and leased apart, by subject", async () => {
    const { queue } = await kit.bus();
    expect((await queue.depth()).filter((one) => one.waiting + one.leased > 0)).toEqual([]);
    await queue.push(tasks(5));
    const holder = taker(kit, queue, { slots: 2 });
    await holder.first(2);
    expect(await queue.depth()).toEqual([{ subject, waiting: 3, leased: 2 }]);
    await holder.items[0]?.ack();
    await holder.first(3);
    expect(await queue.depth()).toEqual([{ subject, waiting: 2, leased: 2 }]);
  });

  test("a take ends when its signal aborts: what it saw stays held, the rest goes to others", async () => {
    const { queue } = await kit.bus();
    await queue.push(tasks(4));
    const stopper = kit.stopper();
    const seen: Delivery[] = [];
    const reader = queue.take({
      subjects: [subject],
      holder: "a",
      slots: 4,
      leaseMs: 60_000,
      signal: stopper.signal,
    });
    const iterator = reader[Symbol.asyncIterator]();
    const first = await kit.within("a delivery", iterator.next());
    if (first.done !== true) seen.push(first.value);
    stopper.abort();
    const rest = await kit.within("the end of the take", iterator.next());
    expect(rest.done).toBe(true);
    const other = taker(kit, queue, { holder: "b" });
    await other.first(3);
    expect(idsOf([...seen, ...other.items])).toEqual(tasks(4).map((task) => task.id));
    expect(other.items.every((one) => one.delivery === 1)).toBe(true);
    expect(await seen[0]?.extend()).toBe(true);
    expect(await seen[0]?.ack()).toBe(true);
    await kit.sleep(quietMs);
    expect(other.items).toHaveLength(3);
  });
}

function looking(kit: Kit): void {
  test("what lies here can be looked at, by subject or prefix, and stays as it is", async () => {
    const { queue } = await kit.bus();
    const [gpu, cpu] = [taskSubject("gpu"), taskSubject("cpu")];
    await queue.push([...tasks(3, gpu), ...tasks(2, cpu)]);
    const seen = await queue.peek({ subject: gpu, limit: 10 });
    expect(seen.map(({ id, subject, body }) => ({ id, subject, body }))).toEqual(
      expect.arrayContaining(tasks(3, gpu)),
    );
    expect(seen).toHaveLength(3);
    const all = prefixes.tasks();
    expect(await queue.peek({ subject: all, limit: 100 })).toHaveLength(5);
    expect(await queue.peek({ subject: all, limit: 4 })).toHaveLength(4);
    const holder = taker(kit, queue, { subjects: [gpu] });
    expect(idsOf(await holder.first(3))).toEqual(
      tasks(3, gpu)
        .map(({ id }) => id)
        .sort(),
    );
    expect(holder.items.map(({ delivery }) => delivery)).toEqual([1, 1, 1]);
    const held = await queue.peek({ subject: gpu, limit: 10 });
    // What is held lies here too, and where the adapter knows of one task, it says so.
    expect(held).toHaveLength(3);
    for (const { state = "leased", holder: by = "holder" } of held)
      expect([state, by]).toEqual(["leased", "holder"]);
    for (const one of holder.items) await one.ack();
    expect(await queue.peek({ subject: gpu, limit: 10 })).toEqual([]);
  });

  test("looking at no subject of tasks, or at too many, is refused", async () => {
    const { queue } = await kit.bus();
    await refused("invalid_input", () => queue.peek({ subject: prefixes.log, limit: 1 }));
    await refused("invalid_input", () => queue.peek({ subject, limit: 0 }));
    await refused("invalid_input", () => queue.peek({ subject, limit: 1_001 }));
  });
}

function leases(kit: Kit): void {
  const leaseMs = 300;

  test("a task whose lease ran out goes to another, its count raised, and its holder is told", async () => {
    const { queue } = await kit.bus();
    await queue.push(tasks(1));
    const first = await taker(kit, queue, { leaseMs, slots: 1 }).at(0);
    const second = await taker(kit, queue, { holder: "second" }).at(0);
    expect({ id: second.id, body: second.body, delivery: second.delivery }).toEqual({
      id: first.id,
      body: first.body,
      delivery: 2,
    });
    await kit.within("lost", aborted(first.lost));
    expect(second.lost.aborted).toBe(false);
  });

  test("a late acknowledgement is refused and takes nothing from the second holder", async () => {
    const { queue } = await kit.bus();
    await queue.push(tasks(1));
    const first = await taker(kit, queue, { leaseMs, slots: 1 }).at(0);
    const second = await taker(kit, queue, { holder: "second" }).at(0);
    expect(await first.ack()).toBe(false);
    expect(await first.extend()).toBe(false);
    expect(await first.release(0)).toBe(false);
    expect(await first.bury("late")).toBe(false);
    expect(second.lost.aborted).toBe(false);
    expect(await queue.depth()).toEqual([{ subject, waiting: 0, leased: 1 }]);
    expect(await second.ack()).toBe(true);
  });

  test("an acknowledged task never comes again; a second acknowledgement hurts nobody", async () => {
    const { queue } = await kit.bus();
    await queue.push(tasks(2));
    const holder = taker(kit, queue, { leaseMs, slots: 1 });
    const first = await holder.at(0);
    expect(await first.ack()).toBe(true);
    const second = await holder.at(1);
    await first.ack();
    expect(await second.extend()).toBe(true);
    expect(await second.ack()).toBe(true);
    await kit.sleep(2 * leaseMs);
    expect(holder.items).toHaveLength(2);
    expect(second.lost.aborted).toBe(false);
  });

  test("a task whose work is done takes no slot, and is held all the same", async () => {
    const { queue } = await kit.bus();
    await queue.push(tasks(3));
    const holder = taker(kit, queue, { slots: 1 });
    const first = await holder.at(0);
    await kit.sleep(quietMs);
    expect(holder.items).toHaveLength(1);
    first.reporting();
    first.reporting();
    const second = await holder.at(1);
    await kit.sleep(quietMs);
    expect(holder.items).toHaveLength(2);
    // Reports that nobody answers do not pile up: as many as there are slots, and no more.
    second.reporting();
    await kit.sleep(quietMs);
    expect(holder.items).toHaveLength(2);
    expect(await first.ack()).toBe(true);
    const third = await holder.at(2);
    expect(await second.ack()).toBe(true);
    expect(await third.ack()).toBe(true);
    expect(new Set(idsOf(holder.items)).size).toBe(3);
  });

  test("extending keeps a task as long as one goes on, and no longer", async () => {
    const { queue } = await kit.bus();
    await queue.push(tasks(1));
    const first = await taker(kit, queue, { leaseMs, slots: 1 }).at(0);
    const waiting = taker(kit, queue, { holder: "second" });
    for (const _ of range(9)) {
      await kit.sleep(leaseMs / 4);
      expect(await first.extend()).toBe(true);
    }
    expect(waiting.items).toEqual([]);
    expect(first.lost.aborted).toBe(false);
    expect((await waiting.at(0)).delivery).toBe(2);
    expect(first.lost.aborted).toBe(true);
  });

  test("the count of hand-outs goes on rising", async () => {
    const { queue } = await kit.bus();
    await queue.push(tasks(1));
    const holder = taker(kit, queue, { leaseMs: 60 });
    expect((await holder.first(4)).map((one) => one.delivery)).toEqual([1, 2, 3, 4]);
  });

  test("a slot whose lease ran out is free again", async () => {
    const { queue } = await kit.bus();
    await queue.push(tasks(2));
    const holder = taker(kit, queue, { leaseMs: 100, slots: 1 });
    await holder.until(() => new Set(holder.items.map((one) => one.id)).size === 2, "both tasks", 10_000);
  });
}

function givingUp(kit: Kit): void {
  test("a released task comes again, no earlier than its delay, with its count raised", async () => {
    const { queue } = await kit.bus();
    await queue.push(tasks(1));
    const holder = taker(kit, queue);
    const first = await holder.at(0);
    const before = kit.time.now();
    expect(await first.release(200)).toBe(true);
    expect(await first.ack()).toBe(false);
    const again = await holder.at(1);
    expect(kit.time.now() - before).toBeGreaterThanOrEqual(195);
    expect(again.delivery).toBe(2);
    expect(await again.release(0)).toBe(true);
    expect((await holder.at(2)).delivery).toBe(3);
  });

  test("a revoked task that waits is gone, and the others are not", async () => {
    const { queue } = await kit.bus();
    const [a, b, c] = tasks(3);
    await queue.push(tasks(3));
    await queue.revoke([b?.id ?? "", "never-heard-of"]);
    const holder = taker(kit, queue);
    await holder.first(2);
    await kit.sleep(quietMs);
    expect(idsOf(holder.items)).toEqual([a?.id, c?.id]);
  });

  test("tasks that are taken back twice at once are gone, and that is no error", async () => {
    const { queue } = await kit.bus();
    const all = tasks(20);
    await queue.push(all);
    const ids = all.map(({ id }) => id);
    await Promise.all([queue.revoke(ids), queue.revoke(ids), queue.revoke(ids.toReversed())]);
    expect((await queue.depth()).filter((one) => one.waiting + one.leased > 0)).toEqual([]);
  });

  test("a revoked task that is held tells its holder, never comes again, and frees the slot", async () => {
    const { queue } = await kit.bus();
    const [first] = tasks(1);
    await queue.push(tasks(1));
    const holder = taker(kit, queue, { slots: 1 });
    const held = await holder.at(0);
    await queue.revoke([first?.id ?? ""]);
    await kit.within("lost", aborted(held.lost));
    expect(await held.ack()).toBe(false);
    await queue.push([{ id: "next", subject, body: "next" }]);
    expect((await holder.at(1)).id).toBe("next");
  });

  test("a revoked task that is released or expired meanwhile does not come back", async () => {
    const { queue } = await kit.bus();
    await queue.push(tasks(1));
    const holder = taker(kit, queue);
    const held = await holder.at(0);
    await held.release(100);
    await queue.revoke([held.id]);
    await kit.sleep(300);
    expect(holder.items).toHaveLength(1);
    expect((await queue.depth()).filter((one) => one.waiting + one.leased > 0)).toEqual([]);
  });

  test("a buried task that is pushed again under its id is handed out again", async () => {
    const { queue } = await kit.bus();
    await queue.push(tasks(1));
    const holder = taker(kit, queue);
    expect(await (await holder.at(0)).bury("nobody could read it")).toBe(true);
    expect(await queue.push(tasks(1))).toEqual([{ ok: true }]);
    const [task] = tasks(1);
    expect(await holder.at(1)).toMatchObject({ ...task, delivery: 1 });
  });

  test("a buried task lies in the dead letters with its story, and is never handed out again", async () => {
    const { queue, log } = await kit.bus();
    const gpu = taskSubject("gpu");
    await queue.push([{ id: "acme:poison", subject: gpu, body: "\u0000poison ☠" }]);
    const holder = taker(kit, queue, { subjects: [gpu], leaseMs: 300 });
    await (await holder.at(0)).release(0);
    expect(await (await holder.at(1)).bury("it killed two workers")).toBe(true);
    const grave = subjects.dead({ tenant: parseId("tenant", "acme"), pool: parseId("pool", "gpu") });
    const letters = (await log.read(grave)).map((entry): unknown => JSON.parse(entry.body));
    const expected: DeadLetter = {
      v: 1,
      kind: "dead_letter",
      id: "acme:poison",
      subject: gpu,
      reason: "it killed two workers",
      deliveries: 2,
      body: "\u0000poison ☠",
    };
    expect(letters).toEqual([expected]);
    await kit.sleep(600);
    expect(holder.items).toHaveLength(2);
    expect(await holder.items[1]?.ack()).toBe(false);
    expect((await queue.depth()).filter((one) => one.waiting + one.leased > 0)).toEqual([]);
  });
}

function pressure(kit: Kit): void {
  test("a task pushed again while it waits or is held changes nothing", async () => {
    const { queue } = await kit.bus();
    const again = (): Promise<unknown> => queue.push([{ id: "one", subject, body: "another body" }]);
    await queue.push([{ id: "one", subject, body: "the body" }]);
    expect(await again()).toEqual([{ ok: true }]);
    const holder = taker(kit, queue);
    const held = await holder.at(0);
    expect(await again()).toEqual([{ ok: true }]);
    await kit.sleep(quietMs);
    expect(holder.items.map((one) => one.body)).toEqual(["the body"]);
    expect(await held.ack()).toBe(true);
    await kit.sleep(quietMs);
    expect(holder.items).toHaveLength(1);
  });

  test("of one push with the same id twice one task comes", async () => {
    const { queue } = await kit.bus();
    const [task] = tasks(1);
    await queue.push([...tasks(1), ...(task ? [{ ...task, body: "other" }] : [])]);
    const holder = taker(kit, queue);
    await holder.first(1);
    await kit.sleep(quietMs);
    expect(holder.items.map((one) => one.body)).toEqual(["body 0"]);
  });

  test("after its acknowledgement an id is forgotten: a push under it is a new task", async () => {
    const { queue } = await kit.bus();
    await queue.push(tasks(1));
    const holder = taker(kit, queue);
    await (await holder.at(0)).ack();
    expect(await queue.push(tasks(1))).toEqual([{ ok: true }]);
    expect((await holder.at(1)).delivery).toBe(1);
  });

  test("a full queue refuses what does not fit, by task, and drops nothing that it took", async () => {
    const { queue } = await kit.bus({ queueMax: 10 });
    const all = tasks(25);
    const answers = [...(await queue.push(all.slice(0, 15))), ...(await queue.push(all.slice(15)))];
    expect(answers.map((one) => (one.ok ? "ok" : one.reason))).toEqual([
      ...range(10).map(() => "ok"),
      ...range(15).map(() => "full"),
    ]);
    const holder = taker(kit, queue);
    await holder.first(10);
    await kit.sleep(quietMs);
    expect(idsOf(holder.items)).toEqual(
      all
        .slice(0, 10)
        .map((task) => task.id)
        .sort(),
    );
  });

  test("a full queue takes an id again that it holds, and has room once a task ends", async () => {
    const { queue } = await kit.bus({ queueMax: 3 });
    const all = tasks(5);
    await queue.push(all.slice(0, 3));
    expect(await queue.push(all.slice(1, 4))).toEqual([
      { ok: true },
      { ok: true },
      { ok: false, reason: "full" },
    ]);
    const holder = taker(kit, queue, { slots: 1 });
    const held = await holder.at(0);
    expect(await queue.push(all.slice(3, 4))).toEqual([{ ok: false, reason: "full" }]);
    await held.ack();
    expect(await queue.push(all.slice(3))).toEqual([{ ok: true }, { ok: false, reason: "full" }]);
    await queue.revoke(all.map((task) => task.id));
    expect(await queue.push(all.slice(0, 3))).toEqual([{ ok: true }, { ok: true }, { ok: true }]);
  });

  test("nothing is lost and nothing is left under many takers, releases and expiries", async () => {
    const { queue } = await kit.bus();
    const done = new Set<string>();
    const holders = range(5).map((n) => {
      const { signal } = kit.stopper();
      const own = { subjects: [subject], holder: `h${n}`, slots: 4, leaseMs: 200, signal };
      return new Collector(kit, queue.take(own), async (one) => {
        if (one.delivery === 1 && one.id.endsWith("3")) await one.release(20);
        else if (one.delivery === 1 && one.id.endsWith("7")) return;
        else if (await one.ack()) done.add(one.id);
      });
    });
    for (const n of range(10)) await queue.push(tasks(100).slice(10 * n, 10 * n + 10));
    for (let waited = 0; done.size < 100 && waited < 8_000; waited += 50) await kit.sleep(50);
    expect(done.size).toBe(100);
    expect(holders.reduce((sum, holder) => sum + holder.items.length, 0)).toBeGreaterThanOrEqual(120);
    expect((await queue.depth()).filter((one) => one.waiting + one.leased > 0)).toEqual([]);
  });
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
