/**
 * The state and the backup that an earlier release left: today's program goes on with both. And the other
 * way: as long as the format's number is the same, the tables are those that the earlier release reads.
 * `UPDATE_HISTORIES=1` writes the files of a new release; files that are there stay as they are.
 */
import type { Bus } from "@agentflow/bus";
import { openEmbedded } from "@agentflow/bus/embedded";
import { openNats } from "@agentflow/bus/nats";
import { natsServerMissing, startNatsServer } from "@agentflow/bus/servers";
import { type Engine, startEngine } from "@agentflow/control-plane";
import { backupBytes, decodeBackup, restoreBackup, verifyBackup } from "@agentflow/control-plane/backup";
import { createLog } from "@agentflow/host/log";
import { createMetrics } from "@agentflow/host/metrics";
import { systemWorld } from "@agentflow/host/system";
import {
  type InputRequest,
  type Json,
  type Task,
  defaultPool,
  defaultTenant,
  devBuild,
  instant,
  makeRunId,
  parseId,
  type RunId,
  subjects,
} from "@agentflow/protocol";
import { createHash, randomBytes } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";

const folder = fileURLToPath(new URL("../../protocol/histories/", import.meta.url));
const world = systemWorld();
const noNats = await natsServerMissing();

interface History {
  readonly v: 1;
  readonly release: string;
  readonly format: number;
  /** As SQLite itself tells it. */
  readonly schema: readonly string[];
  readonly ends: { readonly [run: string]: { readonly status: string; readonly output?: unknown } };
  /** Runs that were open, with what they must come to. */
  readonly open: { readonly [run: string]: unknown };
}

const dirs: string[] = [];
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function newDir(): string {
  const dir = mkdtempSync(path.join(tmpdir(), "agentflow-state-"));
  dirs.push(dir);
  return dir;
}

/** An engine on the state, and a worker that echoes once it is asked to. */
async function open(
  dir: string,
  works: boolean,
  openBus: () => Promise<Bus> = () => openEmbedded({ dir, version: releaseNow }),
): Promise<{ engine: Engine; close(): Promise<void> }> {
  const bus = await openBus();
  const log = createLog({ source: "control-plane", clock: world.clock, outputs: [] });
  const engine = await startEngine({
    bus,
    world,
    log,
    metrics: createMetrics(),
    node: "test",
    version: releaseNow,
    tenantDefaults: { build: devBuild },
    readModelDir: dir,
  });
  const stop = new AbortController();
  if (works) void work(bus, stop.signal).catch(() => undefined);
  const close = async (): Promise<void> => {
    stop.abort();
    await engine.stop();
    await bus.close();
  };
  closing.push(() => close().catch(() => undefined));
  return { engine, close };
}

async function work(bus: Bus, signal: AbortSignal): Promise<void> {
  const worker = parseId("worker", "w");
  const now = instant(Date.now());
  const row = {
    v: 1,
    kind: "worker",
    worker,
    tenant: defaultTenant,
    pool: defaultPool,
    build: devBuild,
    slots: 8,
  };
  const presence = { ...row, host: "h", pid: 1, since: now, seenAt: now, state: "ready", busy: [] };
  await bus.table.put(`worker.${defaultTenant}.w`, JSON.stringify(presence), { expect: "any" });
  const subject = subjects.task({ tenant: defaultTenant, pool: defaultPool, build: devBuild });
  for await (const delivery of bus.queue.take({
    subjects: [subject],
    holder: "w",
    slots: 8,
    leaseMs: 30_000,
    signal,
  })) {
    const task: Task = JSON.parse(delivery.body);
    const [first = 0] = createHash("sha256").update(task.run).digest();
    const shard = parseId("shard", String(first >> 2).padStart(2, "0"));
    const input = {
      kind: "result",
      id: parseId("input", `r-${task.step}-${task.attempt}`),
      at: instant(Date.now()),
      step: task.step,
      attempt: task.attempt,
      worker,
      outcome: { kind: "succeeded", output: task.with },
    } as const;
    const request: InputRequest = { v: 1, kind: "input", run: task.run, input };
    const to = subjects.in({ shard, tenant: defaultTenant });
    await bus.wire.request(to, JSON.stringify(request), { timeoutMs: 5_000 });
    await delivery.ack();
  }
}

const releaseNow: string = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
).version;
const fileOf = (release: string, name: string): string => path.join(folder, release, name);

function schemaOf(dir: string): { format: number; schema: string[] } {
  const db = new DatabaseSync(path.join(dir, "log.db"), { readOnly: true });
  const rows = db.prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").all();
  const format = Number(db.prepare("PRAGMA user_version").get()?.["user_version"]);
  db.close();
  return { format, schema: rows.map(({ sql }) => String(sql).replaceAll(/\s+/g, " ")) };
}

const steps = {
  a: { uses: "tool:t.echo", with: { x: "${input.x}" } },
  b: { uses: "tool:t.echo", with: { x: "${steps.a.output.x}" } },
};

async function saved(dir: string, to: string): Promise<void> {
  const bus = await openEmbedded({ dir, version: releaseNow });
  const signal = new AbortController().signal;
  const options = { bus, world, program: releaseNow, node: process.version, telemetry: false, signal };
  const chunks: Buffer[] = [];
  for await (const chunk of backupBytes(options)) chunks.push(chunk);
  await bus.close();
  writeFileSync(to, Buffer.concat(chunks));
}

async function record(): Promise<void> {
  const dir = newDir();
  const ids: RunId[] = [];
  const start = async (engine: Engine, x: Json, waitMs: number) => {
    const run = makeRunId(Date.now(), randomBytes(10));
    ids.push(run);
    const body = { run, workflow: "echo", input: { x: x === "big" ? "y".repeat(70_000) : x } };
    return engine.runs.start(defaultTenant, body, { waitMs });
  };
  const first = await open(dir, true);
  const definition = {
    apiVersion: "agentflow.dev/v1",
    kind: "Workflow",
    name: "echo",
    steps,
    output: "${steps.b.output.x}",
  } as const;
  await first.engine.registry.register(defaultTenant, { definition, strict: false });
  const ends: Record<string, { status: string; output?: unknown }> = {};
  for (const x of [1, "two", "big"]) {
    const { run, status, output } = await start(first.engine, x, 20_000);
    ends[run] = { status, ...(output === undefined ? {} : { output }) };
  }
  await first.close();
  const second = await open(dir, false);
  const waiting: Record<string, unknown> = {};
  for (const x of [10, 11]) waiting[(await start(second.engine, x, 0)).run] = x;
  await second.close();
  mkdirSync(path.join(folder, releaseNow), { recursive: true });
  await saved(dir, fileOf(releaseNow, "backup.zst"));
  const history: History = { v: 1, release: releaseNow, ...schemaOf(dir), ends, open: waiting };
  writeFileSync(fileOf(releaseNow, "state.json"), `${JSON.stringify(history, null, 1)}\n`);
}

if (process.env["UPDATE_HISTORIES"] === "1" && !existsSync(fileOf(releaseNow, "state.json"))) await record();

test("this release has its state and its backup", () => {
  for (const name of ["state.json", "backup.zst"]) {
    expect(existsSync(fileOf(releaseNow, name)), "write them with UPDATE_HISTORIES=1").toBe(true);
  }
});

describe.each(readdirSync(folder))("the state of %s", (release) => {
  const history: History = JSON.parse(readFileSync(fileOf(release, "state.json"), "utf8"));
  const file = () =>
    (async function* () {
      yield readFileSync(fileOf(release, "backup.zst"));
    })();

  /** The tables as that release made them, filled with what it had saved. */
  async function asItWas(): Promise<string> {
    const dir = newDir();
    const db = new DatabaseSync(path.join(dir, "log.db"));
    for (const sql of history.schema) db.exec(sql);
    db.exec(`PRAGMA user_version = ${history.format}`);
    const entry = db.prepare("INSERT INTO log (revision, subject, at, body) VALUES (?, ?, ?, ?)");
    const row = db.prepare("INSERT INTO row (key, value, revision) VALUES (?, ?, ?)");
    let revision = 0;
    for await (const record of decodeBackup(file())) {
      if (record.kind === "entry") {
        ({ revision } = record);
        // The run stands in front of the rest, as 0.1.0 kept it.
        entry.run(
          record.revision,
          record.subject.replace(/^((?:[^.]+\.){4}[^.]+)\.(.+)$/, "$2 $1"),
          record.atMs,
          record.body,
        );
      } else if (record.kind === "row") row.run(record.key, record.value, ++revision);
      else if (record.kind === "blob") {
        const to = path.join(dir, "blobs", record.key);
        mkdirSync(path.dirname(to), { recursive: true });
        writeFileSync(to, Buffer.from(record.data, "base64"));
      }
    }
    db.close();
    return dir;
  }

  async function goesOn(dir: string, openBus?: () => Promise<Bus>): Promise<void> {
    const { engine } = await open(dir, true, openBus);
    for (const [run, end] of Object.entries(history.ends)) {
      expect(await engine.runs.get(defaultTenant, parseId("run", run))).toMatchObject(end);
    }
    for (const [run, output] of Object.entries(history.open)) {
      const end = await engine.runs.wait(defaultTenant, parseId("run", run), { waitMs: 20_000 });
      expect(end).toMatchObject({ status: "completed", output });
    }
    const listed = await engine.runs.list(defaultTenant, { limit: 100 });
    expect(listed.runs).toHaveLength(Object.keys({ ...history.ends, ...history.open }).length);
  }

  test("is opened by today's program, which goes on with its runs", async () => {
    const dir = await asItWas();
    await goesOn(dir);
  });

  test("its backup is whole, and restored by today's program", async () => {
    const report = await verifyBackup(file);
    expect(report).toMatchObject({ errors: 0, warnings: 0, runs: { open: 2, ended: 3 } });
    const dir = newDir();
    const bus = await openEmbedded({ dir, version: releaseNow });
    const signal = new AbortController().signal;
    const options = { bus, world, program: releaseNow, node: process.version, acceptFaults: false, signal };
    await restoreBackup(file, options);
    await bus.close();
    await goesOn(dir);
  });

  test.skipIf(noNats !== undefined)("its backup is restored into NATS, where its runs go on", async () => {
    const server = await startNatsServer();
    closing.push(() => server.close());
    const openBus = () => openNats({ servers: [server.url], role: "owner" });
    const bus = await openBus();
    const signal = new AbortController().signal;
    const options = { bus, world, program: releaseNow, node: process.version, acceptFaults: false, signal };
    const { written } = await restoreBackup(file, { ...options, quietMs: 6_000 });
    expect(written).toMatchObject({ errors: 0, warnings: 0, runs: { open: 2, ended: 3 } });
    await bus.close();
    await goesOn(newDir(), openBus);
  });

  test("its program could open today's state, unless the format's number says that it cannot", async () => {
    const dir = newDir();
    const { engine, close } = await open(dir, true);
    const definition = { apiVersion: "agentflow.dev/v1", kind: "Workflow", name: "echo", steps } as const;
    await engine.registry.register(defaultTenant, { definition, strict: false });
    await close();
    const now = schemaOf(dir);
    // A higher number is refused by it with `state_newer`; under the same one the tables are the same.
    if (now.format > history.format) return;
    expect(now).toEqual({ format: history.format, schema: history.schema });
    copyFileSync(path.join(dir, "log.db"), path.join(dir, "copy.db"));
    const newer = new DatabaseSync(path.join(dir, "log.db"));
    newer.exec(`PRAGMA user_version = ${history.format + 1}`);
    newer.close();
    await expect(openEmbedded({ dir, version: release })).rejects.toMatchObject({
      code: "refused",
      reason: "state_newer",
      details: { found: history.format + 1 },
    });
  });
});
