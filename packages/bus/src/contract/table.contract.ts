import { describe, expect, test } from "vitest";
import { type RowChange, tableValueBytesMax } from "../port/index.ts";
import { Collector, flat } from "./collector.ts";
import { type Kit, range, refused } from "./kit.ts";
import { oddTexts } from "./odd-texts.ts";

export function tableContract(kit: Kit): void {
  describe("table", () => {
    compareAndSet(kit);
    listing(kit);
    watching(kit);
  });
}

function compareAndSet(kit: Kit): void {
  test("a row is there after its put, and not before", async () => {
    const { table } = await kit.bus();
    expect(await table.get("worker.a")).toBeUndefined();
    const put = await table.put("worker.a", "here", { expect: 0 });
    expect(put.ok).toBe(true);
    const revision = put.ok ? put.revision : 0;
    expect(revision).toBeGreaterThan(0);
    expect(await table.get("worker.a")).toEqual({ key: "worker.a", value: "here", revision });
  });

  test("a put that expects no row is refused where one is, and shows it", async () => {
    const { table } = await kit.bus();
    await table.put("k", "first", { expect: 0 });
    const row = await table.get("k");
    expect(await table.put("k", "second", { expect: 0 })).toEqual({
      ok: false,
      reason: "wrong_revision",
      row,
    });
    expect((await table.get("k"))?.value).toBe("first");
  });

  test("a put that expects an older revision, or a row where none is, is refused", async () => {
    const { table } = await kit.bus();
    const none = await table.put("k", "x", { expect: 5 });
    expect(none).toEqual({ ok: false, reason: "wrong_revision", row: undefined });
    const first = await table.put("k", "1", { expect: 0 });
    const second = await table.put("k", "2", { expect: first.ok ? first.revision : 0 });
    expect(second.ok).toBe(true);
    const late = await table.put("k", "3", { expect: first.ok ? first.revision : 0 });
    expect(late).toEqual({ ok: false, reason: "wrong_revision", row: await table.get("k") });
    expect((await table.get("k"))?.value).toBe("2");
  });

  test("of 100 racing puts with the same expectation exactly one wins", async () => {
    const { table } = await kit.bus();
    const first = await table.put("k", "start", { expect: 0 });
    const stands = first.ok ? first.revision : 0;
    const race = await Promise.all(range(100).map((n) => table.put("k", `${n}`, { expect: stands })));
    expect(race.filter((one) => one.ok)).toHaveLength(1);
    const winner = race.findIndex((one) => one.ok);
    expect((await table.get("k"))?.value).toBe(`${winner}`);
  });

  test("a counter raised by many through compare and set loses no step", async () => {
    const opened = await kit.open();
    const clients = kit.can.severalClients ? [opened.bus, await kit.second(opened)] : [opened.bus];
    await Promise.all(
      range(6).map(async (n) => {
        const { table } = clients[n % clients.length] ?? opened.bus;
        for (let raised = 0; raised < 5; ) {
          const row = await table.get("counter");
          const next = String(Number(row?.value ?? "0") + 1);
          if ((await table.put("counter", next, { expect: row?.revision ?? 0 })).ok) raised++;
        }
      }),
    );
    await eventually(kit, async () => (await opened.bus.table.get("counter"))?.value === "30");
  });

  test("any overwrites, also where no row is", async () => {
    const { table } = await kit.bus();
    expect((await table.put("k", "1", { expect: "any" })).ok).toBe(true);
    expect((await table.put("k", "2", { expect: "any" })).ok).toBe(true);
    expect((await table.get("k"))?.value).toBe("2");
  });

  test("a delete compares too; after it the row is none, and can be made anew", async () => {
    const { table } = await kit.bus();
    const first = await table.put("k", "1", { expect: 0 });
    const second = await table.put("k", "2", { expect: first.ok ? first.revision : 0 });
    const late = await table.delete("k", { expect: first.ok ? first.revision : 0 });
    expect(late).toEqual({ ok: false, reason: "wrong_revision", row: await table.get("k") });
    expect((await table.delete("k", { expect: second.ok ? second.revision : 0 })).ok).toBe(true);
    expect(await table.get("k")).toBeUndefined();
    const anew = await table.put("k", "3", { expect: 0 });
    expect(anew.ok && second.ok && anew.revision > second.revision).toBe(true);
  });

  test("deleting what is not there is no error, unless one expects it to be", async () => {
    const { table } = await kit.bus();
    expect((await table.delete("k", { expect: "any" })).ok).toBe(true);
    expect((await table.delete("k", { expect: 0 })).ok).toBe(true);
    const missed = await table.delete("k", { expect: 3 });
    expect(missed).toEqual({ ok: false, reason: "wrong_revision", row: undefined });
  });

  test("a client reads its own writes at once, row by row and in lists", async () => {
    const { table } = await kit.bus();
    for (const n of range(30)) {
      await table.put("k.own", `${n}`, { expect: "any" });
      expect((await table.get("k.own"))?.value).toBe(`${n}`);
      expect((await table.list("k."))[0]?.value).toBe(`${n}`);
    }
    await table.delete("k.own", { expect: "any" });
    expect(await table.get("k.own")).toBeUndefined();
    expect(await table.list("k.")).toEqual([]);
  });

  test.skipIf(!kit.can.severalClients)("what one client wrote others see, soon if not at once", async () => {
    const opened = await kit.open();
    const other = await kit.second(opened);
    await opened.bus.table.put("k", "written", { expect: 0 });
    await eventually(kit, async () => (await other.table.get("k"))?.value === "written");
    await other.table.delete("k", { expect: "any" });
    await eventually(kit, async () => (await opened.bus.table.get("k")) === undefined);
  });

  test("a value travels unchanged, up to the limit; over it, it is refused and the row stays", async () => {
    const { table } = await kit.bus();
    for (const { text } of oddTexts) {
      await table.put("odd", text, { expect: "any" });
      expect((await table.get("odd"))?.value).toBe(text);
    }
    const whole = "ü".repeat(tableValueBytesMax / 2);
    await table.put("big", whole, { expect: 0 });
    await refused("limit_exceeded", () => table.put("big", `${whole}x`, { expect: "any" }));
    expect((await table.get("big"))?.value === whole).toBe(true);
  });
}

function listing(kit: Kit): void {
  test("a list gives the rows below a prefix, by key, and nothing beside it", async () => {
    const { table } = await kit.bus();
    const keys = ["w.b", "w.a", "w.a.x", "w", "wx.a", "w.B", "w.a-1", "W.a", "x.w.a"];
    for (const key of keys) await table.put(key, `of ${key}`, { expect: 0 });
    await table.delete("w.b", { expect: "any" });
    const rows = await table.list("w.");
    expect(rows.map((row) => row.key)).toEqual(["w.B", "w.a", "w.a-1", "w.a.x"]);
    expect(rows.map((row) => row.value)).toEqual(["of w.B", "of w.a", "of w.a-1", "of w.a.x"]);
    expect(rows[1]).toEqual(await table.get("w.a"));
    expect((await table.list("")).length).toBe(8);
    expect(await table.list("nothing.")).toEqual([]);
  });

  test("letters that a pattern would take for a wildcard stand for themselves", async () => {
    const { table } = await kit.bus();
    for (const key of ["a_b.1", "axb.1", "a-b.1", "a.b.1"]) await table.put(key, "x", { expect: 0 });
    expect((await table.list("a_b")).map((row) => row.key)).toEqual(["a_b.1"]);
    expect((await table.list("a.b")).map((row) => row.key)).toEqual(["a.b.1"]);
  });

  test("a list of more than 10,000 rows is refused, one of 10,000 is not", async () => {
    const { table } = await kit.bus();
    for (const page of range(21)) {
      const some = range(page === 20 ? 1 : 500).map((n) => `many.${page}.${n}`);
      await Promise.all(some.map((key) => table.put(key, "", { expect: 0 })));
    }
    const error = await refused("limit_exceeded", () => table.list("many."));
    expect(error.message).toContain("10000");
    await table.delete("many.20.0", { expect: "any" });
    expect(await table.list("many.")).toHaveLength(10_000);
  });
}

function watching(kit: Kit): void {
  const watch = (table: Awaited<ReturnType<Kit["bus"]>>["table"], prefix: string): Collector<RowChange> =>
    new Collector(kit, flat(table.watch(prefix, kit.stopper().signal)));

  test("a watch gives the rows that are there, then each change, in order", async () => {
    const { table } = await kit.bus();
    await table.put("w.a", "a1", { expect: 0 });
    await table.put("w.b", "b1", { expect: 0 });
    await table.put("other", "x", { expect: 0 });
    const seen = watch(table, "w.");
    const initial = await seen.first(2);
    expect(new Map(initial.map((row) => [row.key, row.value]))).toEqual(
      new Map([
        ["w.a", "a1"],
        ["w.b", "b1"],
      ]),
    );
    await table.put("w.a", "a2", { expect: "any" });
    await table.put("other", "y", { expect: "any" });
    await table.put("w.c", "c1", { expect: 0 });
    await table.delete("w.b", { expect: "any" });
    await table.put("w.b", "b2", { expect: 0 });
    const changes = (await seen.first(6)).slice(2);
    expect(changes.map((row) => [row.key, row.value])).toEqual([
      ["w.a", "a2"],
      ["w.c", "c1"],
      ["w.b", undefined],
      ["w.b", "b2"],
    ]);
    const revisions = changes.map((row) => row.revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
    expect((await table.get("w.b"))?.revision).toBe(revisions[3]);
  });

  test("a watch that starts amid writes misses no row's end state", async () => {
    const { table } = await kit.bus();
    const writing = Promise.all(
      range(10).map(async (row) => {
        for (const n of range(20)) await table.put(`w.${row}`, `${n}`, { expect: "any" });
      }),
    );
    await kit.sleep(2);
    const seen = watch(table, "w.");
    await writing;
    const last = (): (string | undefined)[] =>
      range(10).map((row) => seen.items.findLast((one) => one.key === `w.${row}`)?.value);
    await seen.until(() => last().every((value) => value === "19"), "the last value of each row");
    for (const row of range(10)) {
      const values = seen.items.filter((one) => one.key === `w.${row}`).map((one) => Number(one.value));
      expect(values).toEqual([...new Set(values)].toSorted((a, b) => a - b));
    }
  });

  test("each of many quick changes reaches a watcher that is slow, none left out", async () => {
    const { table } = await kit.bus();
    const stopper = kit.stopper();
    const seen = new Collector(kit, flat(slowly(kit, table.watch("w.", stopper.signal))));
    await kit.sleep(30);
    for (const n of range(60)) await table.put("w.k", `${n}`, { expect: "any" });
    const values = (await seen.first(60, 10_000)).map((one) => Number(one.value));
    expect(values).toEqual(range(60));
  });

  test("a watch ends without an error when its signal aborts", async () => {
    const { table } = await kit.bus();
    const stopper = kit.stopper();
    const seen = new Collector(kit, table.watch("w.", stopper.signal));
    await kit.sleep(30);
    stopper.abort();
    expect(await kit.within("the end of the watch", seen.ended)).toBeUndefined();
  });
}

async function* slowly<T>(kit: Kit, source: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const item of source) {
    await kit.sleep(5);
    yield item;
  }
}

async function eventually(kit: Kit, holds: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 5_000; waited += 20) {
    if (await holds()) return;
    await kit.sleep(20);
  }
  expect(await holds()).toBe(true);
}
