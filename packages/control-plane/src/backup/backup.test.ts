/** Copies over the ports, on virtual time: made while runs go on, restored elsewhere, and gone on with. */
import { advanced, type Bus, type LogEntry, startOf } from "@agentflow/bus";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { AgentFlowError, defaultTenant, parseId, prefixes, type RunId, subjects } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import { Kit } from "../orchestrator/fixtures/engine-kit.ts";
import { makeRunRef } from "../orchestrator/run-ref.ts";
import { backup, driveReal, echo, opened, optionsOf, restore, runs } from "./fixtures/copies.ts";
import { Voice } from "../projector/live/fixtures/voice.ts";
import { restoreBackup, verifyBackup } from "./index.ts";
import { putMark, restoreKey } from "./mark.ts";

const hour = 3_600_000;
const all = { days: 0, runs: 0 };
const kits: Kit[] = [];
afterEach(async () => {
  for (const kit of kits.splice(0)) await kit.close();
});

function openKit(seed: number, logs?: number): Kit {
  const kit = new Kit(seed, logs === undefined ? {} : { logs });
  kits.push(kit);
  return kit;
}

/** A journal of an agent step; what its reply says lies in no blob. */
async function speak(kit: Kit, run: RunId): Promise<void> {
  const step = parseId("step instance", "a");
  const voice = new Voice({ bus: kit.bus.client("voice"), tenant: defaultTenant, run, step });
  await kit.drive(voice.begin());
  await kit.drive(voice.replied(1, "hello"));
}

test("runs in flight go on after a restore, ended ones and archived ones are found", async () => {
  const kit = openKit(1);
  const engine = await kit.engine();
  await kit.register(engine, "echo", echo, { output: "${steps.b.output.x}" });
  const first = kit.worker({ name: "first" });
  const old = await runs(kit, engine, 3, "big");
  for (const run of old) await kit.drive(engine.runs.wait(defaultTenant, run, { waitMs: 60_000 }));
  for (const run of old) await speak(kit, run);
  await kit.pass(2 * hour);
  expect(await kit.drive(engine.retain(all))).toBe(3);
  const [archived = kit.runId()] = old;
  const ended = await runs(kit, engine, 2);
  for (const run of ended) await kit.drive(engine.runs.wait(defaultTenant, run, { waitMs: 60_000 }));
  first.stop();
  const open = await runs(kit, engine, 4);
  for (const run of open) await speak(kit, run);
  const bytes = await backup(kit);
  const report = await verifyBackup(opened(bytes));
  expect(report).toMatchObject({
    errors: 0,
    warnings: 0,
    workflows: 1,
    runs: { open: 4, ended: 2, archived: 3 },
  });
  const other = openKit(2);
  const { written } = await restore(other, bytes);
  expect(written.runs).toEqual(report.runs);
  // Who did what at the time is not of the new installation. Others may see rows a moment later.
  await other.pass(50);
  const rows = await other.drive(other.bus.table.list(""));
  const kinds = new Set(rows.map(({ key }) => key.split(".")[0]));
  expect([...kinds].toSorted((a, b) => ((a ?? "") < (b ?? "") ? -1 : 1))).toEqual([
    "archived",
    "installation",
    "workflow",
  ]);
  other.worker();
  const next = await other.engine("engine-9");
  for (const [n, run] of open.entries()) {
    const answer = await other.drive(next.runs.wait(defaultTenant, run, { waitMs: 60_000 }));
    expect(answer).toMatchObject({ status: "completed", output: n });
  }
  const listed = await other.drive(next.runs.list(defaultTenant, {}));
  expect(listed.runs.map(({ run }) => run).sort()).toEqual([...old, ...ended, ...open].sort());
  for (const run of [...old, ...ended]) {
    const [before, after] = await Promise.all([
      kit.drive(engine.runs.get(defaultTenant, run)),
      other.drive(next.runs.get(defaultTenant, run)),
    ]);
    expect({ ...after, revision: 0 }).toEqual({ ...before, revision: 0 });
  }
  for (const run of [archived, ...open]) {
    const { records } = await other.drive(next.runs.journal(defaultTenant, run, {}));
    const kinds = records.flatMap(({ record }) => record.events.map(({ kind }) => kind));
    expect(kinds).toEqual(["attempt_took_over", "agent_started", "model_replied"]);
  }
  expect((await other.drive(next.status())).installation).toBe(report.head.installation);
});

test.each([1, 2, 3, 4, 5, 6])(
  "a copy made while runs start, end and leave for archives is whole (%i)",
  async (seed) => {
    const kit = openKit(seed);
    const engine = await kit.engine();
    await kit.register(engine, "echo", echo, { output: "${steps.b.output.x}" });
    kit.worker({ takesMs: 3 });
    const old = await runs(kit, engine, 12, seed % 2 === 0 ? "big" : 1);
    for (const run of old) await kit.drive(engine.runs.wait(defaultTenant, run, { waitMs: 60_000 }));
    await kit.pass(2 * hour);
    const parts = new Map<RunId, number>();
    for (const run of old) {
      parts.set(run, (await kit.drive(kit.bus.log.read(makeRunRef(defaultTenant, run).subject))).length);
    }
    const bus = slow(kit.bus.client("backup"), async (read) => {
      if (read === seed * 2 - 1) await engine.retain(all);
      if (read % 4 === 0 && read < 40) {
        await engine.runs.start(defaultTenant, kit.body("echo", { x: read }), { waitMs: 0 });
      }
    });
    const bytes = await backup(kit, optionsOf(kit, bus));
    const report = await verifyBackup(opened(bytes));
    expect(report.findings).toEqual([]);
    // Retention did overtake it, or this shows nothing.
    expect(report.counts.left).toBeGreaterThan(0);
    const { archived, open, ended } = report.runs;
    expect(open + ended + archived).toBeGreaterThanOrEqual(12);
    const other = openKit(seed + 100);
    await restore(other, bytes);
    other.worker();
    const next = await other.engine("engine-9");
    for (const run of old) {
      const { status, steps } = await kit.drive(engine.runs.get(defaultTenant, run));
      expect(await other.drive(next.runs.get(defaultTenant, run))).toMatchObject({ status, steps });
      const ref = makeRunRef(defaultTenant, run);
      const inLog = await other.drive(other.bus.log.read(ref.subject));
      // Never a piece of a history that an archive has whole.
      if (inLog.length > 0) expect(inLog.length).toBe(parts.get(run));
    }
  },
);

/** The log is read one record at a time, and between two of them something happens. */
function slow(bus: Bus, between: (read: number) => Promise<unknown>): Bus {
  const { log } = bus;
  return {
    ...bus,
    log: {
      lanes: log.lanes,
      append: log.append.bind(log),
      read: log.read.bind(log),
      head: log.head.bind(log),
      heads: log.heads.bind(log),
      subjects: log.subjects.bind(log),
      purge: log.purge.bind(log),
      async *tail(options) {
        let after = typeof options.after === "number" ? startOf(log.lanes) : options.after;
        for (let read = 1; ; read++) {
          const next = await firstOf(log.tail({ ...options, after }));
          if (next === undefined) return;
          after = advanced(after, [next]);
          yield [next];
          await between(read);
        }
      },
    },
  };
}

async function firstOf(batches: AsyncIterable<readonly LogEntry[]>): Promise<LogEntry | undefined> {
  for await (const [first] of batches) return first;
  return undefined;
}

test.each([
  [4, 1],
  [1, 3],
])("a copy of %i logs is restored into %i, and its runs go on", async (from, into) => {
  const kit = openKit(18, from);
  const engine = await kit.engine();
  await kit.register(engine, "echo", echo);
  const open = await runs(kit, engine, 9);
  const other = openKit(19, into);
  await restore(other, await backup(kit));
  other.worker();
  const next = await other.engine("engine-9");
  for (const run of open) {
    const answer = await other.drive(next.runs.wait(defaultTenant, run, { waitMs: 60_000 }));
    expect(answer.status).toBe("completed");
  }
  expect((await other.drive(next.runs.list(defaultTenant, {}))).runs).toHaveLength(9);
});

test("a copy ends although the log's last record went into an archive meanwhile", async () => {
  const kit = openKit(7);
  const engine = await kit.engine();
  await kit.register(engine, "echo", echo);
  kit.worker();
  const [run = parseId("run", "")] = await runs(kit, engine, 1);
  await kit.drive(engine.runs.wait(defaultTenant, run, { waitMs: 60_000 }));
  await kit.pass(2 * hour);
  const bus = kit.bus.client("backup");
  const heads = bus.log.heads.bind(bus.log);
  let asked = false;
  bus.log.heads = async () => {
    const found = await heads();
    if (!asked) {
      asked = true;
      await engine.retain(all);
    }
    return found;
  };
  const report = await verifyBackup(opened(await backup(kit, optionsOf(kit, bus))));
  expect(report.runs).toMatchObject({ open: 0, ended: 0, archived: 1 });
});

test("a copy goes on behind the last record when its connection is lost", async () => {
  const kit = openKit(17);
  const engine = await kit.engine();
  await kit.register(engine, "echo", echo);
  await runs(kit, engine, 6);
  const bus = slow(kit.bus.client("backup"), async (read) => {
    if (read === 3) throw new AgentFlowError("unavailable", "the connection was lost");
  });
  const report = await verifyBackup(opened(await backup(kit, optionsOf(kit, bus))));
  expect(report).toMatchObject({ errors: 0, runs: { open: 6 }, counts: { log: 6 } });
});

async function smallBackup(seed: number): Promise<{ kit: Kit; bytes: Buffer; open: RunId[] }> {
  const kit = openKit(seed);
  const engine = await kit.engine();
  await kit.register(engine, "echo", echo);
  const open = await runs(kit, engine, 2, "big");
  return { kit, bytes: await backup(kit), open };
}

test("a file that is cut, changed or foreign is refused before anything is written", async () => {
  const { bytes } = await smallBackup(8);
  const plain = zstdDecompressSync(bytes).toString();
  const changed = zstdCompressSync(plain.replace("echo", "echp"));
  const noEnd = zstdCompressSync(plain.slice(0, plain.lastIndexOf('{"kind":"end"')));
  const half = zstdCompressSync(plain.slice(0, plain.length / 2));
  const cut = [bytes.length - 40, bytes.length >> 1, 40].map((length) => bytes.subarray(0, length));
  for (const torn of [...cut, changed, noEnd, half]) {
    await expect(verifyBackup(opened(Buffer.from(torn)))).rejects.toMatchObject({ reason: "backup_torn" });
  }
  for (const foreign of [Buffer.from("hello"), Buffer.alloc(0), zstdCompressSync('{"kind":"other"}\n')]) {
    await expect(verifyBackup(opened(foreign))).rejects.toMatchObject({ reason: "no_backup" });
  }
  const newer = zstdCompressSync(plain.replace('{"v":1,"kind":"backup"', '{"v":2,"kind":"backup"'));
  await expect(verifyBackup(opened(newer))).rejects.toMatchObject({ reason: "backup_newer" });
  const target = openKit(9);
  await expect(restore(target, changed)).rejects.toMatchObject({ reason: "backup_torn" });
  expect(await target.drive(target.bus.log.head(prefixes.log))).toBe(0);
  expect(await target.drive(target.bus.table.list(""))).toEqual([]);
});

test("faults are named with run and revision; a restore goes on only where they are accepted", async () => {
  const { kit, open } = await smallBackup(10);
  const [first = parseId("run", ""), second = parseId("run", "")] = open;
  const ref = makeRunRef(defaultTenant, first);
  // The same start twice: no history does that.
  const [start] = await kit.drive(kit.bus.log.read(ref.subject));
  await kit.drive(kit.bus.log.append(ref.subject, start?.body ?? "", { expect: "any" }));
  const newer = JSON.stringify({ v: 2, kind: "commit", inputs: [], events: [], commands: [] });
  await kit.drive(kit.bus.log.append(makeRunRef(defaultTenant, second).subject, newer, { expect: "any" }));
  const [blob = ""] = await kit.drive(kit.bus.blobs.list(`${defaultTenant}/${second}/`));
  await kit.drive(kit.bus.blobs.delete(blob));
  const bytes = await backup(kit);
  const report = await verifyBackup(opened(bytes));
  expect(report).toMatchObject({ errors: 1, warnings: 2 });
  const [lost, broken, parked] = report.findings.toSorted((a, b) => (a.code < b.code ? -1 : 1));
  expect(lost).toMatchObject({ code: "blob_lost", key: blob });
  expect(broken).toMatchObject({ code: "history_broken", run: first, revision: expect.any(Number) });
  expect(parked).toMatchObject({
    code: "history_newer",
    run: second,
    message: expect.stringContaining("version 2"),
  });
  const target = openKit(11);
  await expect(restore(target, bytes)).rejects.toMatchObject({ reason: "backup_faulty" });
  expect(await target.drive(target.bus.table.list(""))).toEqual([]);
  await restore(target, bytes, true);
  const engine = await target.engine();
  expect((await target.drive(engine.runs.why(defaultTenant, second))).status).toBe("parked");
});

test("an installation with runs, or half restored, is refused; nothing starts on half a one", async () => {
  const { kit, bytes } = await smallBackup(12);
  await expect(restore(kit, bytes)).rejects.toMatchObject({ code: "refused", reason: "not_empty" });
  const target = openKit(13);
  const { table } = target.bus;
  await target.drive(putMark(table, { at: "2026-01-01T00:00:00.000Z", installation: "x" }, 0));
  await expect(restore(target, bytes)).rejects.toMatchObject({ reason: "restore_unfinished" });
  await expect(target.engine()).rejects.toMatchObject({ code: "refused", reason: "restore_unfinished" });
  await target.drive(table.delete(restoreKey, { expect: "any" }));
  await restore(target, bytes);
  await target.engine();
});

test("a restore that dies at any write leaves its mark, and the next one goes on from there", async () => {
  const { bytes } = await smallBackup(14);
  const report = await verifyBackup(opened(bytes));
  // The first two ask for a mark, the third makes it.
  for (let at = 4, died = true; died; at++) {
    const target = openKit(1_000 + at);
    const bus = target.bus.client("restore");
    let writes = 0;
    const dying = <T>(work: () => Promise<T>): Promise<T> => {
      if (++writes >= at) return Promise.reject(new Error("the power is gone"));
      return work();
    };
    const { table, log, blobs } = bus;
    const [put, append, store, remove] = [
      table.put.bind(table),
      log.append.bind(log),
      blobs.put.bind(blobs),
      table.delete.bind(table),
    ];
    table.put = (...given) => dying(() => put(...given));
    log.append = (...given) => dying(() => append(...given));
    blobs.put = (...given) => dying(() => store(...given));
    table.delete = (...given) => dying(() => remove(...given));
    const options = { ...optionsOf(target, bus), acceptFaults: false };
    died = await driveReal(target, restoreBackup(opened(bytes), options)).then(
      () => false,
      () => true,
    );
    if (died) {
      await expect(target.engine()).rejects.toMatchObject({ reason: "restore_unfinished" });
      const { written, resumed } = await restore(target, bytes);
      expect({ runs: written.runs, resumed }).toEqual({ runs: report.runs, resumed: true });
      // Nothing stands there twice.
      expect(written.counts).toEqual({ ...report.counts, blobs: written.counts.blobs });
      await target.engine();
    }
    await target.close();
  }
});

test("dead letters, audit and journals travel, telemetry where it was asked for", async () => {
  const kit = openKit(15);
  const engine = await kit.engine();
  await kit.register(engine, "echo", echo);
  const [run = parseId("run", "")] = await runs(kit, engine, 1);
  const { shard } = makeRunRef(defaultTenant, run);
  const step = parseId("step instance", "a");
  const append = (subject: ReturnType<typeof subjects.audit>, body: string) =>
    kit.drive(kit.bus.log.append(subject, body, { expect: "any" }));
  await append(
    subjects.turn({ shard, tenant: defaultTenant, run, step }),
    '{"v":1,"kind":"attempt_took_over"}',
  );
  await append(subjects.audit(defaultTenant), '{"v":1,"kind":"audit"}');
  await append(subjects.dead({ tenant: defaultTenant, pool: parseId("pool", "default") }), '{"v":1}');
  await append(
    subjects.tele({ tenant: defaultTenant, source: parseId("source", "x") }),
    '{"v":1,"kind":"tele"}',
  );
  const without = await verifyBackup(opened(await backup(kit)));
  expect(without).toMatchObject({ journalEntries: 1, counts: { dead: 1, audit: 1, tele: 0 } });
  const bytes = await backup(kit, optionsOf(kit, undefined, { telemetry: true }));
  const target = openKit(16);
  const { written } = await restore(target, bytes);
  expect(written).toMatchObject({ journalEntries: 1, counts: { dead: 1, audit: 1, tele: 1 } });
});
