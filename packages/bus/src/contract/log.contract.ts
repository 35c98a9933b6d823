import { parseId, prefixes, type Subject, subjects } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { bodyBytesMax } from "../port/index.ts";
import { type Kit, range, refused, runSubject, shardPrefix, turnPrefix, turnSubject } from "./kit.ts";
import { oddTexts } from "./odd-texts.ts";

export function logContract(kit: Kit): void {
  describe("log", () => {
    fence(kit);
    reading(kit);
    sizes(kit);
  });
}

function fence(kit: Kit): void {
  test("of 200 racing appends with the same expectation exactly one wins", async () => {
    const { log } = await kit.bus();
    const subject = runSubject(1);
    const first = await log.append(subject, "first", { expect: 0 });
    const race = range(200).map((n) => log.append(subject, `racer ${n}`, { expect: first.revision }));
    const won = (await Promise.all(race)).filter((one) => one.ok);
    expect(won).toHaveLength(1);
    const entries = await log.read(subject);
    expect(entries.map((entry) => entry.revision)).toEqual([first.revision, won[0]?.revision]);
  });

  test.skipIf(!kit.can.severalClients)("the fence holds between clients", async () => {
    const opened = await kit.open();
    const clients = [opened.bus, await kit.second(opened), await kit.second(opened)];
    const subject = runSubject(1);
    const race = range(60).map((n) =>
      (clients[n % 3] ?? opened.bus).log.append(subject, `racer ${n}`, { expect: 0 }),
    );
    const won = (await Promise.all(race)).filter((one) => one.ok);
    expect(won).toHaveLength(1);
    expect(await opened.bus.log.read(subject)).toHaveLength(1);
  });

  test("expecting nothing is refused where a record is, and says its revision", async () => {
    const { log } = await kit.bus();
    const subject = runSubject(1);
    const first = await log.append(subject, "first", { expect: 0 });
    expect(first.ok).toBe(true);
    const again = await log.append(subject, "again", { expect: 0 });
    expect(again).toEqual({ ok: false, reason: "wrong_revision", revision: first.revision });
  });

  test("expecting a record is refused where none is", async () => {
    const { log } = await kit.bus();
    const lost = await log.append(runSubject(1), "first", { expect: 7 });
    expect(lost).toEqual({ ok: false, reason: "wrong_revision", revision: 0 });
    expect(await log.read(runSubject(1))).toEqual([]);
  });

  test("an expectation that is older than the last record is refused", async () => {
    const { log } = await kit.bus();
    const first = await log.append(runSubject(1), "1", { expect: 0 });
    const second = await log.append(runSubject(1), "2", { expect: first.revision });
    const late = await log.append(runSubject(1), "3", { expect: first.revision });
    expect(late).toEqual({ ok: false, reason: "wrong_revision", revision: second.revision });
  });

  test("the fence of one subject is not moved by records of another", async () => {
    const { log } = await kit.bus();
    const first = await log.append(runSubject(1), "a1", { expect: 0 });
    expect((await log.append(runSubject(2), "b1", { expect: 0 })).ok).toBe(true);
    expect((await log.append(runSubject(1), "a2", { expect: first.revision })).ok).toBe(true);
  });

  test("an append without an expectation always lands", async () => {
    const { log } = await kit.bus();
    const subject = subjects.tele({ tenant: parseId("tenant", "acme"), source: parseId("source", "w1") });
    const written = await Promise.all(range(50).map((n) => log.append(subject, `${n}`, { expect: "any" })));
    expect(written.every((one) => one.ok)).toBe(true);
    expect(new Set(written.map((one) => one.revision)).size).toBe(50);
    const bodies = (await log.read(subject)).map((entry) => Number(entry.body));
    expect(bodies.toSorted((a, b) => a - b)).toEqual(range(50));
  });
}

function reading(kit: Kit): void {
  test("records of a subject are read in the order of their appends, with growing revisions", async () => {
    const { log } = await kit.bus();
    const subject = runSubject(1);
    let revision = 0;
    for (const n of range(20)) {
      const written = await log.append(subject, `${n}`, { expect: revision });
      expect(written.ok && written.revision > revision).toBe(true);
      revision = written.revision;
      await log.append(runSubject(2 + n), "between", { expect: 0 });
    }
    const entries = await log.read(subject);
    expect(entries.map((entry) => entry.body)).toEqual(range(20).map(String));
    expect(entries.every((entry) => entry.subject === subject)).toBe(true);
    const revisions = entries.map((entry) => entry.revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
  });

  test("reading starts behind a revision and stops at the limit", async () => {
    const { log } = await kit.bus();
    let revision = 0;
    const revisions: number[] = [];
    for (const n of range(6)) {
      revision = (await log.append(runSubject(1), `${n}`, { expect: revision })).revision;
      revisions.push(revision);
    }
    const page = await log.read(runSubject(1), { after: revisions[1] ?? 0, limit: 3 });
    expect(page.map((entry) => entry.body)).toEqual(["2", "3", "4"]);
    expect(await log.read(runSubject(1), { after: revision })).toEqual([]);
  });

  test("a read sees what was appended before it, by whichever client", async () => {
    const opened = await kit.open();
    const other = kit.can.severalClients ? await kit.second(opened) : opened.bus;
    for (const n of range(20)) {
      await opened.bus.log.append(runSubject(n), "written", { expect: 0 });
      expect(await other.log.read(runSubject(n))).toHaveLength(1);
    }
  });

  test("a record carries the time at which the log took it", async () => {
    const { log } = await kit.bus();
    const before = kit.time.now();
    await log.append(runSubject(1), "now", { expect: 0 });
    const [entry] = await log.read(runSubject(1));
    expect(entry?.atMs).toBeGreaterThanOrEqual(before - 1);
    expect(entry?.atMs).toBeLessThanOrEqual(kit.time.now() + 1);
  });

  test("the head is 0 in an empty stream and the newest revision in another", async () => {
    const { log } = await kit.bus();
    expect(await log.head(prefixes.log)).toBe(0);
    const revisions: number[] = [];
    for (const n of range(5)) {
      revisions.push((await log.append(runSubject(n), "x", { expect: 0 })).revision);
    }
    expect(await log.head(prefixes.log)).toBe(Math.max(...revisions));
    expect(await log.head(prefixes.audit)).toBe(0);
  });

  test("the subjects under a prefix are listed once each, and no longer once they are purged", async () => {
    const { log } = await kit.bus();
    const listed = async (prefix: Subject): Promise<string[]> => {
      const found: string[] = [];
      for await (const page of log.subjects(prefix)) found.push(...page);
      return found.toSorted();
    };
    const journals = ["a", "b", "b~1"].map((step) => turnSubject(1, step));
    for (const subject of [...journals, turnSubject(2, "a"), runSubject(1)]) {
      const { revision } = await log.append(subject, "1", { expect: 0 });
      await log.append(subject, "2", { expect: revision });
    }
    expect(await listed(turnPrefix(1))).toEqual(journals);
    const all = [...journals, turnSubject(2, "a"), runSubject(1)].toSorted();
    expect(await listed(prefixes.log)).toEqual(all);
    expect(await listed(shardPrefix(1))).toEqual(expect.arrayContaining(journals));
    await log.purge(turnSubject(1, "b"));
    expect(await listed(turnPrefix(1))).toEqual([turnSubject(1, "a"), turnSubject(1, "b~1")]);
    expect(await listed(prefixes.audit)).toEqual([]);
  });

  test("of very many subjects each is listed once", async () => {
    const { log } = await kit.bus();
    const steps = range(1_200).map((n) => turnSubject(1, `s${n}`));
    await Promise.all(steps.map((subject) => log.append(subject, "x", { expect: 0 })));
    const found: string[] = [];
    for await (const page of log.subjects(turnPrefix(1))) found.push(...page);
    expect(found.toSorted()).toEqual(steps.toSorted());
  });

  test("a purge removes one subject's records and no others", async () => {
    const { log } = await kit.bus();
    const first = await log.append(runSubject(1), "1", { expect: 0 });
    const second = await log.append(runSubject(1), "2", { expect: first.revision });
    const third = await log.append(runSubject(1), "3", { expect: second.revision });
    await log.append(runSubject(2), "other", { expect: 0 });
    await log.purge(runSubject(1), { upTo: second.revision });
    expect((await log.read(runSubject(1))).map((entry) => entry.body)).toEqual(["3"]);
    expect((await log.append(runSubject(1), "4", { expect: third.revision })).ok).toBe(true);
    await log.purge(runSubject(1));
    expect(await log.read(runSubject(1))).toEqual([]);
    expect(await log.read(runSubject(2))).toHaveLength(1);
  });

  test("a purged subject begins anew, at a revision that was never used", async () => {
    const { log } = await kit.bus();
    const first = await log.append(runSubject(1), "1", { expect: 0 });
    await log.purge(runSubject(1));
    const again = await log.append(runSubject(1), "1 again", { expect: 0 });
    expect(again.ok).toBe(true);
    expect(again.revision).toBeGreaterThan(first.revision);
  });
}

function sizes(kit: Kit): void {
  test.each(oddTexts)("a body travels unchanged: $name", async ({ text }) => {
    const { log } = await kit.bus();
    await log.append(runSubject(1), text, { expect: 0 });
    expect((await log.read(runSubject(1)))[0]?.body).toBe(text);
  });

  test("a body of one byte less than the limit is kept whole", async () => {
    const { log } = await kit.bus();
    const body = "é".repeat((bodyBytesMax - 2) / 2) + "x";
    expect(Buffer.byteLength(body)).toBe(bodyBytesMax - 1);
    expect((await log.append(runSubject(1), body, { expect: 0 })).ok).toBe(true);
    const [entry] = await log.read(runSubject(1));
    expect(entry?.body === body).toBe(true);
  });

  test("a body over the limit is refused, counted in bytes, and nothing is kept", async () => {
    const { log } = await kit.bus();
    const body = "é".repeat(bodyBytesMax / 2) + "x";
    await refused("limit_exceeded", () => log.append(runSubject(1), body, { expect: 0 }));
    expect(await log.read(runSubject(1))).toEqual([]);
    expect((await log.append(runSubject(1), "small", { expect: 0 })).ok).toBe(true);
  });

  test("text that UTF-8 cannot carry is refused", async () => {
    const { log } = await kit.bus();
    await refused("invalid_input", () => log.append(runSubject(1), "a\ud800b", { expect: 0 }));
    expect(await log.head(prefixes.log)).toBe(0);
  });
}
