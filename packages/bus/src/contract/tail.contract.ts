import { parseId, prefixes, type Subject, subjects } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import {
  advanced,
  laneOf,
  type Log,
  type LogEntry,
  newestOf,
  type Revision,
  startOf,
} from "../port/index.ts";
import { Collector, flat } from "./collector.ts";
import { inLanes, type Kit, range, refused, runSubject } from "./kit.ts";

export function tailContract(kit: Kit): void {
  describe("tail", () => {
    from(kit);
    meanwhile(kit);
    ending(kit);
  });
}

const tenant = parseId("tenant", "acme");

/** There one number does not say where a tail over all of them goes on. */
const severalLanes = (kit: Kit): boolean => (kit.can.lanes ?? 1) > 1;

function follow(
  kit: Kit,
  log: Log,
  of: { filter: readonly Subject[]; after?: Revision },
): Collector<LogEntry> {
  const { signal } = kit.stopper();
  return new Collector(kit, flat(log.tail({ filter: of.filter, after: of.after ?? 0, signal })));
}

async function fill(log: Log, count: number): Promise<Revision[]> {
  const revisions: Revision[] = [];
  for (const n of range(count))
    revisions.push((await log.append(runSubject(n), `${n}`, { expect: 0 })).revision);
  return revisions;
}

const bodies = (entries: readonly LogEntry[]): string[] => entries.map((entry) => entry.body);

function from(kit: Kit): void {
  test("a tail gives what is stored and then what comes, in revision order", async () => {
    const { log } = await kit.bus();
    const stored = await fill(log, 10);
    const tail = follow(kit, log, { filter: [prefixes.log] });
    await tail.first(10);
    const later = await log.append(runSubject(100), "later", { expect: 0 });
    const entries = await tail.first(11);
    const revisions = entries.map((entry) => entry.revision);
    expect(inLanes(kit, revisions)).toEqual(inLanes(kit, [...stored, later.revision]));
    expect(entries.at(-1)?.body).toBe("later");
    expect(new Set(bodies(entries))).toEqual(new Set([...range(10).map(String), "later"]));
  });

  test.skipIf(severalLanes(kit))(
    "a tail starts behind any revision, also behind one that no record has",
    async () => {
      const { log } = await kit.bus();
      const stored = await fill(log, 12);
      for (const after of range((stored[11] ?? 0) + 1)) {
        const expected = stored.filter((revision) => revision > after);
        const tail = follow(kit, log, { filter: [prefixes.log], after });
        const entries = await tail.first(expected.length);
        expect(entries.map((entry) => entry.revision)).toEqual(expected);
      }
    },
  );

  test("a tail goes on behind a place in each lane; with several, one number is refused", async () => {
    const { log } = await kit.bus();
    await fill(log, 30);
    const heads = await log.heads();
    expect(log.lanes).toBe(kit.can.lanes ?? 1);
    expect(heads.map((revision) => laneOf(revision, log.lanes))).toEqual(range(log.lanes));
    let position = startOf(log.lanes);
    const read: string[] = [];
    while (read.length < 30) {
      const stop = kit.stopper();
      for await (const batch of log.tail({ filter: [prefixes.log], after: position, signal: stop.signal })) {
        // One of each batch only, wherever it came from: the next round has to bring the rest.
        position = advanced(position, batch.slice(0, 1));
        read.push(...bodies(batch.slice(0, 1)));
        stop.abort();
      }
    }
    expect(read.map(Number).toSorted((a, b) => a - b)).toEqual(range(30));
    expect(position).toEqual(heads);
    if (!severalLanes(kit)) return;
    const one = { filter: [prefixes.log], after: newestOf(heads), signal: kit.stopper().signal };
    await refused("refused", () => log.tail(one)[Symbol.asyncIterator]().next());
  });

  test("a tail takes exact subjects and prefixes together and gives each record once", async () => {
    const { log } = await kit.bus();
    await fill(log, 30);
    const exact = runSubject(3);
    const shards = [...new Set(range(30).map((n) => runSubject(n).split(".")[2] ?? ""))].slice(0, 4);
    const below = shards.map((shard) => prefixes.shard(parseId("shard", shard)));
    const filter = [exact, runSubject(999), ...below];
    const wanted = range(30).filter((n) => n === 3 || shards.includes(runSubject(n).split(".")[2] ?? ""));
    const tail = follow(kit, log, { filter });
    await tail.first(wanted.length);
    await log.append(runSubject(999), "last", { expect: 0 });
    const read = bodies(await tail.first(wanted.length + 1));
    // Several lanes come in any order, but for what was written once the others were here.
    if (severalLanes(kit)) expect(read.toSorted()).toEqual([...wanted.map(String), "last"].toSorted());
    else expect(read.slice(0, -1)).toEqual(wanted.map(String));
    expect(read.at(-1)).toBe("last");
  });

  test("an exact subject does not match one that begins with it, and a prefix ends at a dot", async () => {
    const { log } = await kit.bus();
    const source = (name: string): Subject => subjects.tele({ tenant, source: parseId("source", name) });
    for (const name of ["w1", "w10", "w1-x"]) await log.append(source(name), name, { expect: 0 });
    const tail = follow(kit, log, { filter: [source("w1")] });
    await log.append(source("w10"), "again", { expect: "any" });
    await log.append(source("w1"), "end", { expect: "any" });
    expect(bodies(await tail.first(2))).toEqual(["w1", "end"]);
  });

  test("a tail of one stream sees nothing of the others", async () => {
    const { log } = await kit.bus();
    const tail = follow(kit, log, { filter: [prefixes.audit] });
    await fill(log, 5);
    await log.append(subjects.audit(tenant), "audited", { expect: "any" });
    expect(bodies(await tail.first(1))).toEqual(["audited"]);
    await refused("invalid_input", () => {
      const mixed = log.tail({
        filter: [prefixes.log, prefixes.audit],
        after: 0,
        signal: kit.stopper().signal,
      });
      return mixed[Symbol.asyncIterator]().next();
    });
  });
}

function meanwhile(kit: Kit): void {
  test("a tail misses nothing and repeats nothing while many append", async () => {
    const { log } = await kit.bus();
    await fill(log, 20);
    const early = follow(kit, log, { filter: [prefixes.log] });
    const writing = Promise.all(range(300).map((n) => log.append(runSubject(1_000 + n), "x", { expect: 0 })));
    await kit.sleep(1);
    const middle = follow(kit, log, { filter: [prefixes.log] });
    await writing;
    const late = follow(kit, log, { filter: [prefixes.log] });
    for (const tail of [early, middle, late]) {
      const revisions = (await tail.first(320, 15_000)).map((entry) => entry.revision);
      expect(inLanes(kit, revisions)).toEqual(
        inLanes(
          kit,
          revisions.toSorted((a, b) => a - b),
        ),
      );
      expect(new Set(revisions).size).toBe(320);
    }
  });

  test("records of one subject reach a tail in the order of their appends", async () => {
    const { log } = await kit.bus();
    const tail = follow(kit, log, { filter: [prefixes.log] });
    await Promise.all(
      range(8).map(async (run) => {
        let revision = 0;
        for (const n of range(25)) {
          revision = (await log.append(runSubject(run), `${n}`, { expect: revision })).revision;
        }
      }),
    );
    const entries = await tail.first(200, 15_000);
    for (const run of range(8)) {
      const own = entries.filter((entry) => entry.subject === runSubject(run));
      expect(bodies(own)).toEqual(range(25).map(String));
    }
  });

  test("a slow reader gets everything, in batches that are never empty", async () => {
    const { log } = await kit.bus();
    const batches = log.tail({ filter: [prefixes.log], after: 0, signal: kit.stopper().signal });
    const slow = new Collector(kit, batches, () => kit.sleep(3));
    const seen = (): Revision[] => slow.items.flatMap((batch) => batch.map((entry) => entry.revision));
    const stored: Revision[] = [];
    for (const n of range(20)) {
      const some = range(10).map((m) => log.append(runSubject(10 * n + m), "x", { expect: 0 }));
      stored.push(...(await Promise.all(some)).map((one) => one.revision));
    }
    await slow.until(() => seen().length >= 200, "200 records", 15_000);
    expect(inLanes(kit, seen())).toEqual(
      inLanes(
        kit,
        stored.toSorted((a, b) => a - b),
      ),
    );
    expect(Math.min(...slow.items.map((batch) => batch.length))).toBeGreaterThan(0);
  });

  test("a record that was acknowledged is on its way to a tail without any further append", async () => {
    const { log } = await kit.bus();
    const tail = follow(kit, log, { filter: [prefixes.log] });
    for (const n of range(10)) {
      await log.append(runSubject(n), `${n}`, { expect: 0 });
      expect((await tail.at(n, 2_000)).body).toBe(`${n}`);
    }
  });
}

function ending(kit: Kit): void {
  test("a tail ends without an error when its signal aborts, waiting or not, or aborted before", async () => {
    const { log } = await kit.bus();
    await fill(log, 3);
    const stopper = kit.stopper();
    const idle = new Collector(kit, log.tail({ filter: [prefixes.log], after: 0, signal: stopper.signal }));
    await idle.first(1);
    await kit.sleep(20);
    stopper.abort();
    expect(await kit.within("the end of the tail", idle.ended)).toBeUndefined();
    const never = new Collector(kit, log.tail({ filter: [prefixes.log], after: 0, signal: stopper.signal }));
    expect(await kit.within("the end of an aborted tail", never.ended)).toBeUndefined();
    expect(never.items).toEqual([]);
  });

  test("leaving the loop early is allowed, and the log goes on", async () => {
    const { log } = await kit.bus();
    await fill(log, 3);
    for await (const batch of log.tail({ filter: [prefixes.log], after: 0, signal: kit.stopper().signal })) {
      expect(batch.length).toBeGreaterThan(0);
      break;
    }
    expect((await log.append(runSubject(50), "x", { expect: 0 })).ok).toBe(true);
  });

  test.skipIf(severalLanes(kit))(
    "a purge does not disturb a tail: it gives what is left, in order",
    async () => {
      const { log } = await kit.bus();
      const stored = await fill(log, 10);
      await log.purge(runSubject(4));
      const tail = follow(kit, log, { filter: [prefixes.log], after: stored[1] ?? 0 });
      expect(bodies(await tail.first(7))).toEqual(["2", "3", "5", "6", "7", "8", "9"]);
      await log.purge(runSubject(9));
      await log.append(runSubject(20), "20", { expect: 0 });
      expect((await tail.at(7)).body).toBe("20");
    },
  );
}
