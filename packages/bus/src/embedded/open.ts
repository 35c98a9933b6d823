import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { AgentFlowError } from "@agentflow/protocol";
import type { Bus } from "../port/index.ts";
import { FileBlobs } from "./blobs.ts";
import { type FsyncTimes, measureFsync } from "./fsync.ts";
import { takeLock } from "./lock.ts";
import { EmbeddedLog } from "./log/log.ts";
import { openStore } from "./log/store.ts";
import { Housekeeper, housekeeping } from "./housekeeper.ts";
import { EmbeddedQueue } from "./queue/queue.ts";
import { queueLimits, TaskQueue } from "./queue/task-queue.ts";
import { type Backend, mainBackend, type StoreOptions, threadBackend } from "./store/backend.ts";
import {
  createSchema,
  faultOf,
  formatVersion,
  isDamage,
  openForWriting,
  readFormat,
  readWriter,
} from "./store/database.ts";
import { write } from "./store/group.ts";
import type { Write } from "./store/writer.ts";
import type { TakeNote } from "./notes.ts";
import { watchedBackend } from "./store/watched.ts";
import { Switchboard } from "./switchboard.ts";
import { EmbeddedTable } from "./table.ts";
import { Wheel } from "./wheel.ts";
import { EmbeddedWire } from "./wire.ts";

export interface EmbeddedOptions {
  /** The folder of the state; made when it is missing. */
  readonly dir: string;
  /** Where commits run; by default on the main thread when the disk's fsync is fast, else in a thread. */
  readonly writer?: "main" | "thread";
  /** The program's version, kept in the file so that an older one can name it. */
  readonly version?: string;
  /** The log's file grows no further; then appends fail as on a full disk. Default: as the disk allows. */
  readonly logBytesMax?: number;
  readonly teleBytesMax?: number;
  readonly teleAgeMs?: number;
  readonly queueTasksMax?: number;
  readonly queueBytesMax?: number;
  /** Told of what is rare and worth a line in a log. Must not throw. */
  readonly onNote?: TakeNote;
}

/** The bus as its owner holds it: the ports, and what the socket needs that no port says. */
export interface EmbeddedBus extends Bus {
  readonly kind: "embedded";
  readonly dir: string;
  readonly writer: "main" | "thread";
  /** Measured when it was opened. */
  readonly fsync: FsyncTimes;
  readonly log: EmbeddedLog;
  readonly queue: EmbeddedQueue;
  readonly table: EmbeddedTable;
  readonly blobs: FileBlobs;
  readonly wire: EmbeddedWire;
  readonly wheel: Wheel;
  /** Tells who reads the lock file where the socket is. */
  announce(socket: string): void;
}

const cacheKiB = { write: 4_096, read: 2_048 } as const;
/** Up to this p95 an fsync may stop the loop. */
const mainThreadFsyncMs = 0.5;

/**
 * Opens the state in `dir` as its only owner. Throws `conflict` (reason `owned`) while another process is,
 * and `refused` (reason `state_newer`) when a newer program wrote it.
 */
export function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedBus> {
  return openOn(options, (files, where) => (where === "main" ? mainBackend(files) : threadBackend(files)));
}

/** The same, its commits made by a backend of the caller's. */
export async function openOn(options: EmbeddedOptions, backendOf: BackendOf): Promise<EmbeddedBus> {
  const { dir } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chmodSync(dir, 0o700);
  const lock = takeLock(dir);
  try {
    const files = filesOf(options);
    const note = options.onNote ?? ignore;
    const version = options.version ?? "unknown";
    prepareFile(files.log.path, version);
    prepareOrSetAside(files.tele.path, { version, note });
    const blobs = new FileBlobs(join(dir, "blobs"));
    await blobs.prepare();
    const fsync = measureFsync(dir);
    if (lock.before !== undefined) note({ kind: "taken_over", pid: lock.before.pid });
    const where = options.writer ?? (fsync.p95Ms < mainThreadFsyncMs ? "main" : "thread");
    const backend = backendOf(files, where);
    return assemble(options, {
      lock,
      blobs,
      fsync,
      backend: options.onNote === undefined ? backend : watchedBackend(backend, note),
      files,
    });
  } catch (error) {
    lock.release();
    throw error;
  }
}

function ignore(): void {
  // Nobody asked to be told.
}

type BackendOf = (files: StoreOptions, where: "main" | "thread") => Backend;

interface Parts {
  readonly lock: ReturnType<typeof takeLock>;
  readonly blobs: FileBlobs;
  readonly fsync: FsyncTimes;
  readonly backend: Backend;
  readonly files: StoreOptions;
}

function assemble(options: EmbeddedOptions, parts: Parts): EmbeddedBus {
  const { backend, files, lock, blobs } = parts;
  const wheel = new Wheel();
  const hooks = { committed: rows, failed: lookAgain };
  const logStore = openStore({ backend, name: "log", path: files.log.path }, hooks);
  const teleStore = openStore({ backend, name: "tele", path: files.tele.path }, { committed: count });
  const table = new EmbeddedTable(logStore);
  const log = new EmbeddedLog({ log: logStore, tele: teleStore });
  const tasks = new TaskQueue({
    wheel,
    epoch: randomUUID(),
    tasksMax: options.queueTasksMax ?? queueLimits.tasksMax,
    bytesMax: options.queueBytesMax ?? queueLimits.bytesMax,
    note: options.onNote ?? ignore,
  });
  const board = new Switchboard(wheel);
  const housekeeper = new Housekeeper({
    log: logStore.writer,
    tele: teleStore.writer,
    teleBytesMax: options.teleBytesMax ?? housekeeping.teleBytesMax,
    teleAgeMs: options.teleAgeMs ?? housekeeping.teleAgeMs,
  });
  function rows(writes: readonly Write[], results: readonly number[]): void {
    announceRows(table, writes, results);
  }
  function lookAgain(): void {
    table.failed();
  }
  function count(writes: readonly Write[]): void {
    housekeeper.wrote(writes);
  }
  const closed = Promise.withResolvers<Error | undefined>();
  const close = async (): Promise<void> => {
    for (const part of [housekeeper, tasks, blobs, board]) part.close();
    await Promise.all([logStore.writer.close(), teleStore.writer.close()]);
    for (const part of [logStore.feed, teleStore.feed, table, wheel]) part.close();
    await backend.close();
    for (const { reader } of [logStore, teleStore]) reader.close();
    lock.release();
    closed.resolve(undefined);
  };
  let closing: Promise<void> | undefined;
  housekeeper.start();
  return {
    kind: "embedded",
    durability: "fsync before each answer",
    dir: options.dir,
    writer: backend.where,
    fsync: parts.fsync,
    log,
    queue: new EmbeddedQueue(tasks, log, options.onNote),
    table,
    blobs,
    wire: new EmbeddedWire(board),
    wheel,
    sizes: async () => [
      { stream: "log", bytes: logStore.reader.bytes },
      { stream: "tele", bytes: teleStore.reader.bytes },
      { stream: "task", ...tasks.size },
    ],
    closed: closed.promise,
    announce: (socket) => lock.announce(socket),
    close: () => (closing ??= close()),
  };
}

function filesOf(options: EmbeddedOptions): StoreOptions {
  const log = { path: join(options.dir, "log.db"), durable: true, cacheKiB: cacheKiB.write };
  const tele = { path: join(options.dir, "tele.db"), durable: false, cacheKiB: cacheKiB.read };
  return options.logBytesMax === undefined
    ? { log, tele }
    : { log: { ...log, bytesMax: options.logBytesMax }, tele };
}

/** Makes the file ready for this program, or refuses it, before anything else touches it. */
function prepareFile(path: string, version: string): void {
  let db: DatabaseSync | undefined;
  try {
    db = openForWriting({ path, durable: true, cacheKiB: cacheKiB.read });
    const format = readFormat(db);
    if (format > formatVersion) throw newerState({ path, format, writtenBy: readWriter(db), version });
    createSchema(db, version);
    chmodSync(path, 0o600);
  } catch (error) {
    if (AgentFlowError.is(error)) throw error;
    const { full, message } = faultOf(error);
    throw new AgentFlowError("unavailable", `the state in ${path} could not be opened: ${message}`, {
      reason: full ? "storage_full" : "storage_failed",
      details: { path },
      cause: error,
    });
  } finally {
    db?.close();
  }
}

/** Telemetry may be lost; that it is damaged is no reason to keep the runs from going on. */
function prepareOrSetAside(path: string, of: { version: string; note: TakeNote }): void {
  try {
    prepareFile(path, of.version);
  } catch (error) {
    const fault = faultOf(error instanceof Error ? error.cause : error);
    if (!isDamage(fault)) throw error;
    const aside = `${path}.damaged`;
    renameSync(path, aside);
    for (const end of ["-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
    of.note({ kind: "telemetry_set_aside", path: aside, message: fault.message });
    prepareFile(path, of.version);
  }
}

function newerState(of: {
  path: string;
  format: number;
  writtenBy: string | undefined;
  version: string;
}): AgentFlowError {
  const writtenBy = of.writtenBy ?? "unknown";
  const found = `${of.path} has format ${of.format}, written by af ${writtenBy}`;
  const text = `${found}; this af (${of.version}) reads up to ${formatVersion}`;
  return new AgentFlowError("refused", text, {
    reason: "state_newer",
    details: { path: of.path, found: of.format, known: formatVersion, writtenBy, version: of.version },
    suggestions: [
      `use af ${writtenBy} or newer with this state`,
      "or start without it: `af dev --fresh` (the old state is thrown away)",
    ],
  });
}

function announceRows(table: EmbeddedTable, writes: readonly Write[], results: readonly number[]): void {
  let at = 0;
  for (const { code, key, text } of writes) {
    const revision = results[at++] ?? -1;
    if (code === write.put && revision >= 0) table.changed({ key, value: text ?? undefined, revision });
  }
}
