import type { Bus } from "@agentflow/bus";
import { createLog } from "@agentflow/host/log";
import {
  AgentFlowError,
  defaultTenant,
  parseId,
  prefixes,
  type RunId,
  type StepDefinition,
  type Subject,
  subjects,
} from "@agentflow/protocol";
import { hash } from "node:crypto";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import type { Engine } from "../engine.ts";
import { engineDefaults } from "../engine-config.ts";
import { Kit } from "../orchestrator/fixtures/engine-kit.ts";
import { readLog } from "../orchestrator/history.ts";
import { makeRunRef } from "../orchestrator/run-ref.ts";
import { shardOf } from "../orchestrator/shard.ts";
import { Archive } from "./archive.ts";
import { type ArchivedRuns, ArchiveFiles, rowsOf } from "./archive-files.ts";
import { ArchiveRows } from "./archive-rows.ts";
import { Voice } from "./live/fixtures/voice.ts";
import { Projection } from "./project.ts";
import { openReadStore, type ReadStore } from "./read-store.ts";

const tenant = defaultTenant;
const echo: Record<string, StepDefinition> = { a: { uses: "tool:t.echo", with: { x: 1 } } };
const hour = 3_600_000;
const day = 24 * hour;
const all = { days: 7, runs: 0, archiveDays: 90 };

let kit: Kit;
afterEach(() => kit.close());

/** Runs that ended two hours ago, the last with an input that is a blob, and an engine that has stopped. */
async function ended(count = 4): Promise<RunId[]> {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", echo);
  const worker = kit.worker();
  const runs: RunId[] = [];
  for (let x = 1; x <= count; x++) {
    const body = kit.body("one", x === count ? "x".repeat(70_000) : x);
    await kit.drive(engine.runs.start(tenant, body, { waitMs: 60_000 }));
    runs.push(parseId("run", body.run));
  }
  const [first] = runs;
  if (first !== undefined) await speak(first);
  worker.stop();
  await kit.drive(engine.stop());
  await kit.world.time.advance(2 * hour);
  return runs;
}

/** Two journals of a run, of two and one records. */
async function speak(run: RunId): Promise<void> {
  for (const step of ["a", "a~0"]) {
    const voice = new Voice({ bus: kit.bus, tenant, run, step: parseId("step instance", step) });
    await kit.drive(voice.begin());
    if (step === "a") await kit.drive(voice.replied(1, "hello"));
  }
}

async function subjectsUnder(prefix: Subject): Promise<string[]> {
  const found: string[] = [];
  for await (const page of kit.bus.log.subjects(prefix)) found.push(...page);
  return found;
}

const journalOf = async (archive: Archive, run: RunId): Promise<string[]> =>
  (await kit.drive(archive.journal(tenant, run))).map(({ step, read }) => {
    return `${step} ${read()?.events.at(-1)?.kind}`;
  });
const spoken = ["a agent_started", "a model_replied", "a~0 agent_started"];

/** A read model as it is before anything was archived. */
async function readModel(runs: readonly RunId[]): Promise<ReadStore> {
  const store = openReadStore(":memory:");
  const projection = new Projection();
  for (const run of runs) {
    for (const { revision, parsed } of await kit.drive(readLog(kit.bus.log, { tenant, run }))) {
      if (parsed.ok) projection.add({ tenant, run, revision }, parsed.commit);
    }
  }
  await store.call("apply", { runs: projection.take(), position: [1] });
  return store;
}

function archiveOn(bus: Bus, store: ReadStore): Archive {
  const say = createLog({ source: "control-plane", clock: kit.world.clock, outputs: [] });
  const alone = { isFirst: () => true, firstOne: () => undefined };
  return new Archive({ bus, store, world: kit.world, say, config: engineDefaults, ...alone });
}

/** The same ports, which die before the write number `at`, or after it was carried out, and stay dead. */
function dying(parts: { bus: Bus; store: ReadStore }, at: number, when: "before" | "after") {
  let writes = 0;
  const dead = (): AgentFlowError => new AgentFlowError("unavailable", "the power is gone");
  const write = async <T>(work: () => Promise<T>): Promise<T> => {
    writes++;
    if (writes > at || (writes === at && when === "before")) throw dead();
    const done = await work();
    if (writes === at) throw dead();
    return done;
  };
  const { bus, store } = parts;
  const { table, blobs, log } = bus;
  return {
    died: () => writes >= at,
    bus: {
      ...bus,
      table: {
        ...table,
        put: (...given: Parameters<typeof table.put>) => write(() => table.put(...given)),
        delete: (...given: Parameters<typeof table.delete>) => write(() => table.delete(...given)),
      },
      blobs: {
        ...blobs,
        put: (...given: Parameters<typeof blobs.put>) => write(() => blobs.put(...given)),
        delete: (key: string) => write(() => blobs.delete(key)),
      },
      log: {
        ...log,
        purge: (...given: Parameters<typeof log.purge>) => write(() => log.purge(...given)),
      },
    } satisfies Bus,
    store: {
      close: () => store.close(),
      call: (name, ask) =>
        name === "archive" || name === "forget" ? write(() => store.call(name, ask)) : store.call(name, ask),
    } satisfies ReadStore,
  };
}

/** The run as the file of its archive has it. */
async function historiesOf(run: RunId): Promise<ArchivedRuns> {
  const entry = await new ArchiveRows(kit.bus.table).find(makeRunRef(tenant, run));
  const file = await new ArchiveFiles(kit.bus.blobs).get(entry?.row.blob ?? "");
  return new Map([...file].filter(([id]) => id === run));
}

async function statuses(store: ReadStore): Promise<number> {
  const counts = await store.call("counts", undefined);
  return counts.reduce((sum, { count }) => sum + count, 0);
}

/** Each run is in its archive, and there alone. */
async function expectArchived(archive: Archive, store: ReadStore, runs: readonly RunId[]): Promise<void> {
  expect(await journalOf(archive, runs[0] ?? parseId("run", ""))).toEqual(spoken);
  for (const run of runs) {
    const ref = makeRunRef(tenant, run);
    expect(await kit.drive(kit.bus.log.read(ref.subject))).toEqual([]);
    expect(await kit.drive(subjectsUnder(prefixes.turns(ref)))).toEqual([]);
    expect((await kit.drive(archive.read(tenant, run))).length).toBeGreaterThan(1);
    expect(await kit.drive(archive.has(ref))).toBe(true);
    expect((await store.call("row", { tenant, run }))?.archive).toMatch(/_archive/);
  }
  const rows = await kit.drive(kit.bus.table.list("archived."));
  expect(rows.every(({ value }) => JSON.parse(value).purged === true)).toBe(true);
  expect(await statuses(store)).toBe(runs.length);
}

async function expectGone(archive: Archive, store: ReadStore, runs: readonly RunId[]): Promise<void> {
  for (const run of runs) {
    expect(await kit.drive(archive.read(tenant, run))).toEqual([]);
    expect(await kit.drive(archive.has(makeRunRef(tenant, run)))).toBe(false);
    expect(await store.call("row", { tenant, run })).toBeUndefined();
    expect(await kit.drive(kit.bus.blobs.list(`${tenant}/${run}/`))).toEqual([]);
  }
  expect(await kit.drive(kit.bus.table.list("archived."))).toEqual([]);
  expect(await kit.drive(kit.bus.blobs.list(`${tenant}/_archive/`))).toEqual([]);
  expect(await statuses(store)).toBe(0);
}

test("a run that is too long for a file stays in the log, and the others of its batch leave it", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", echo);
  const worker = kit.worker();
  const runs = [kit.runId()];
  const [long = kit.runId()] = runs;
  // Of one shard, so that they would lie in one file.
  while (runs.length < 3) {
    const run = kit.runId();
    if (shardOf(run) === shardOf(long)) runs.push(run);
  }
  for (const run of runs) {
    const body = { ...kit.body("one", 1), run };
    await kit.drive(engine.runs.start(tenant, body, { waitMs: 60_000 }));
  }
  worker.stop();
  await kit.drive(engine.stop());
  await kit.world.time.advance(2 * hour);
  const store = await readModel(runs);
  const put = async (key: string, bytes: Uint8Array): Promise<void> => {
    if (zstdDecompressSync(bytes).toString().includes(long)) {
      throw new AgentFlowError("limit_exceeded", "over 64 MiB", { reason: "too_big" });
    }
    await kit.bus.blobs.put(key, bytes);
  };
  const archive = archiveOn({ ...kit.bus, blobs: { ...kit.bus.blobs, put } }, store);
  expect(await kit.drive(archive.retain(all))).toBe(2);
  expect((await kit.drive(readLog(kit.bus.log, { tenant, run: long }))).length).toBeGreaterThan(1);
  expect((await kit.drive(archive.read(tenant, long))).length).toBeGreaterThan(1);
  expect(await kit.drive(archive.retain(all))).toBe(0);
});

test.each(["before", "after"] as const)(
  "a crash %s any write of a pass is made good by the next one, and nothing is hidden meanwhile",
  async (when) => {
    for (let at = 1, died = true; died; at++) {
      const runs = await ended(2);
      const store = await readModel(runs);
      const broken = dying({ bus: kit.bus, store }, at, when);
      const first = archiveOn(broken.bus, broken.store);
      await kit.drive(first.retain(all).catch(() => 0));
      died = broken.died();
      const next = archiveOn(kit.bus, store);
      for (const run of runs) expect((await kit.drive(next.read(tenant, run))).length).toBeGreaterThan(1);
      expect(await journalOf(next, runs[0] ?? parseId("run", ""))).toEqual(spoken);
      await kit.drive(next.retain(all));
      await expectArchived(next, store, runs);
      await kit.close();
    }
  },
);

test("archives over age go, with the blobs and the rows of their runs", async () => {
  const runs = await ended();
  const store = await readModel(runs);
  const archive = archiveOn(kit.bus, store);
  expect(await kit.drive(archive.retain(all))).toBe(4);
  await expectArchived(archive, store, runs);
  await kit.world.time.advance(89 * day);
  await kit.drive(archive.retain(all));
  await expectArchived(archive, store, runs);
  expect((await kit.drive(kit.bus.blobs.list(`${tenant}/${runs.at(-1)}/`))).length).toBe(1);
  await kit.world.time.advance(2 * day);
  await kit.drive(archive.retain(all));
  await expectGone(archive, store, runs);
});

test.each(["before", "after"] as const)(
  "archives over age go, also when power goes %s a write",
  async (when) => {
    for (let at = 1, died = true; died; at++) {
      const runs = await ended(2);
      const store = await readModel(runs);
      await kit.drive(archiveOn(kit.bus, store).retain(all));
      await kit.world.time.advance(91 * day);
      const broken = dying({ bus: kit.bus, store }, at, when);
      await kit.drive(
        archiveOn(broken.bus, broken.store)
          .retain(all)
          .catch(() => 0),
      );
      died = broken.died();
      const next = archiveOn(kit.bus, store);
      await kit.drive(next.retain(all));
      await expectGone(next, store, runs);
      await kit.close();
    }
  },
);

test("a read model that lost its marks with the power finds archived runs by itself", async () => {
  const runs = await ended();
  const before = await readModel(runs);
  await kit.drive(archiveOn(kit.bus, await readModel(runs)).retain(all));
  const archive = archiveOn(kit.bus, before);
  const [first = parseId("run", ""), ...others] = runs;
  // Asked for: at once. Listed only: with the next pass.
  expect((await kit.drive(archive.read(tenant, first))).length).toBeGreaterThan(1);
  expect((await before.call("row", { tenant, run: first }))?.archive).toMatch(/_archive/);
  await kit.drive(archive.retain(all));
  await expectArchived(archive, before, [first, ...others]);
  // A mark alone that got lost.
  const rows = rowsOf(tenant, await kit.drive(historiesOf(first)));
  await before.call("forget", { tenant, runs: [first] });
  await before.call("apply", { runs: rows, position: [1] });
  await kit.drive(archive.retain(all));
  expect((await before.call("row", { tenant, run: first }))?.archive).toMatch(/_archive/);
  await expectArchived(archive, before, runs);
  // Also one that never heard of them.
  const empty = openReadStore(":memory:");
  const again = archiveOn(kit.bus, empty);
  await kit.drive(again.retain(all));
  await expectArchived(again, empty, runs);
});

test("a run that is neither in the log nor in an archive leaves the lists", async () => {
  const runs = await ended(2);
  const store = await readModel(runs);
  for (const run of runs) await kit.drive(kit.bus.log.purge(makeRunRef(tenant, run).subject));
  expect(await kit.drive(archiveOn(kit.bus, store).retain(all))).toBe(0);
  expect(await statuses(store)).toBe(0);
});

test("a file that an earlier release wrote is read, with runs that have no journals", async () => {
  const [run = parseId("run", "")] = await ended(1);
  const ref = makeRunRef(tenant, run);
  const commits = (await kit.drive(kit.bus.log.read(ref.subject))).map((one) => [
    one.revision,
    one.atMs,
    one.body,
  ]);
  const bytes = zstdCompressSync(JSON.stringify({ v: 1, kind: "archive", runs: [{ run, commits }] }));
  const blob = `${tenant}/_archive/${hash("sha256", bytes)}`;
  await kit.drive(kit.bus.blobs.put(blob, bytes));
  await kit.drive(
    new ArchiveRows(kit.bus.table).add(ref, { blob, at: new Date().toISOString(), runs: [run] }),
  );
  const archive = archiveOn(kit.bus, await readModel([run]));
  await kit.drive(archive.retain(all));
  expect((await kit.drive(archive.read(tenant, run))).length).toBeGreaterThan(1);
  expect(await journalOf(archive, run)).toEqual([]);
});

test("journals of runs that are gone leave the log, of a session's memory all but the newest", async () => {
  const [run = parseId("run", "")] = await ended(1);
  const store = await readModel([run]);
  const gone = kit.runId();
  await speak(gone);
  const session = parseId("run", `r0000000000${"a".repeat(16)}`);
  const of = { tenant, run: session, shard: shardOf(session) };
  const memory = new Voice({ bus: kit.bus, ...of, step: parseId("step instance", "memory") });
  for (let n = 1; n <= 3; n++) await kit.drive(memory.called(n));
  const archive = archiveOn(kit.bus, store);
  await kit.drive(archive.retain({ days: 7, runs: 100 }));
  expect(await journalOf(archive, run)).toEqual(spoken);
  expect(await kit.drive(subjectsUnder(prefixes.turns(makeRunRef(tenant, gone))))).toEqual([]);
  const kept = await kit.drive(
    kit.bus.log.read(subjects.turn({ ...of, step: parseId("step instance", "memory") })),
  );
  expect(kept.map(({ body }) => JSON.parse(body).events[0].n)).toEqual([3]);
  await kit.drive(memory.called(4));
  await kit.drive(archive.retain({ days: 7, runs: 100 }));
  await kit.drive(archive.retain({ days: 7, runs: 100 }));
  expect(await kit.drive(subjectsUnder(prefixes.turns(of)))).toHaveLength(1);
});

test("a file that is damaged keeps no other archive from its end, and goes when it is over age", async () => {
  const runs = await ended();
  const store = await readModel(runs);
  await kit.drive(archiveOn(kit.bus, store).retain(all));
  const [file = ""] = await kit.drive(kit.bus.blobs.list(`${tenant}/_archive/`));
  kit.bus.faults.corruptBlob(file);
  await kit.world.time.advance(91 * day);
  await kit.drive(archiveOn(kit.bus, store).retain(all));
  expect(await kit.drive(kit.bus.blobs.list(`${tenant}/_archive/`))).toEqual([]);
  expect(await kit.drive(kit.bus.table.list("archived."))).toEqual([]);
  expect(await statuses(store)).toBe(0);
});

test("a deleted read model is built again with the archived runs, whatever one file says", async () => {
  const runs = await ended();
  await kit.drive(archiveOn(kit.bus, await readModel(runs)).retain(all));
  const listed = async (engine: Engine): Promise<string[]> =>
    (await kit.drive(engine.runs.list(tenant, {}))).runs.map(({ run }) => run).toSorted();
  expect(await listed(await kit.engine("engine-2"))).toEqual(runs.toSorted());
  const row = { v: 1, blob: `${tenant}/_archive/${"0".repeat(64)}`, ids: "", at: new Date(0), purged: true };
  await kit.drive(kit.bus.table.put(`archived.07.${tenant}.x`, JSON.stringify(row), { expect: "any" }));
  expect(await listed(await kit.engine("engine-3"))).toEqual(runs.toSorted());
});

test("a start is answered however many archives there are", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", echo);
  await kit.pass(2 * hour);
  // An id of the time zero, as a request key makes it: whether it was archived must be asked.
  const run = parseId("run", `r0000000000${"a".repeat(16)}`);
  const { shard } = makeRunRef(tenant, run);
  const row = JSON.stringify({ v: 1, blob: `${tenant}/_archive/x`, ids: "", purged: true });
  const puts: Promise<unknown>[] = [];
  for (let n = 0; n < 10_050; n++) {
    const key = `archived.${shard}.${tenant}.${n.toString(16).padStart(24, "0")}`;
    puts.push(kit.bus.table.put(key, row, { expect: "any" }));
  }
  await kit.drive(Promise.all(puts));
  kit.worker();
  const answer = engine.runs.start(tenant, { run, workflow: "one" }, { waitMs: 60_000 });
  expect(await kit.drive(answer)).toMatchObject({ status: "completed" });
}, 60_000);

test("archiving on demand moves what was asked for, and takes nothing out of the archives", async () => {
  const runs = await ended(4);
  const archive = archiveOn(kit.bus.client("engine-2"), await readModel(runs));
  expect(await kit.drive(archive.now({ olderThanMs: 3 * hour }))).toBe(0);
  expect(await kit.drive(archive.now({ keepRuns: 3 }))).toBe(1);
  // Long over the age at which archives go by retention.
  await kit.world.time.advance(200 * day);
  expect(await kit.drive(archive.now({ olderThanMs: 3 * hour }))).toBe(3);
  expect(await kit.drive(archive.now({ keepRuns: 0 }))).toBe(0);
  for (const run of runs) {
    expect(await kit.drive(readLog(kit.bus.log, { tenant, run }))).toEqual([]);
    expect(await kit.drive(subjectsUnder(prefixes.turns(makeRunRef(tenant, run))))).toEqual([]);
    expect(await kit.drive(archive.read(tenant, run))).not.toEqual([]);
  }
});

test("archiving on demand is not answered by a pass with other bounds that goes on just then", async () => {
  const runs = await ended(2);
  const archive = archiveOn(kit.bus.client("engine-2"), await readModel(runs));
  const [hourly, asked] = await kit.drive(
    Promise.all([archive.retain({ days: 7, runs: 100 }), archive.now({ keepRuns: 0 })]),
  );
  expect([hourly, asked]).toEqual([0, 2]);
});
