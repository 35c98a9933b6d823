/** SQLite as this adapter uses it. Runs in the writer's thread too, so it imports nothing but Node. */
import { DatabaseSync } from "node:sqlite";

/** The format this code writes. A higher number in a file means that a newer program wrote it. */
export const formatVersion = 1;

export interface DatabaseOptions {
  readonly path: string;
  /** True: each commit is on disk before it is answered. False: written, not synced. */
  readonly durable: boolean;
  readonly cacheKiB: number;
  /** The file grows no further than this; then commits fail as on a full disk. */
  readonly bytesMax?: number;
}

const pageBytes = 4096;
/** Nobody else writes here; who looks at the file with a tool of his own may hold it for a moment. */
const busyMs = 250;
const walBytesMax = 16 * 1024 * 1024;

/** Opens the file for its single writer. */
export function openForWriting(options: DatabaseOptions): DatabaseSync {
  const db = open(options.path, options.cacheKiB);
  db.exec(`PRAGMA synchronous = ${options.durable ? "FULL" : "OFF"}`);
  db.exec(`PRAGMA journal_size_limit = ${walBytesMax}`);
  if (options.durable && process.platform === "darwin") {
    db.exec("PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1");
  }
  if (options.bytesMax !== undefined) {
    db.exec(`PRAGMA max_page_count = ${Math.ceil(options.bytesMax / pageBytes)}`);
  }
  return db;
}

/** A connection of its own for reads: in WAL mode it never waits for the writer. */
export function openForReading(path: string, cacheKiB: number): DatabaseSync {
  const db = open(path, cacheKiB);
  db.exec("PRAGMA query_only = 1");
  return db;
}

function open(path: string, cacheKiB: number): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: busyMs });
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -${cacheKiB}`);
  return db;
}

/** The format the file was written in, 0 for an empty one. */
export function readFormat(db: DatabaseSync): number {
  return Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
}

/** `log_subject` ends in the row id, so it is the index by (subject, revision) without storing it twice. */
export function createSchema(db: DatabaseSync, writtenBy: string): void {
  db.exec(`BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS log (
      revision INTEGER PRIMARY KEY, subject TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS log_subject ON log (subject);
    CREATE TABLE IF NOT EXISTS row (
      key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    PRAGMA user_version = ${formatVersion};`);
  db.prepare("INSERT OR REPLACE INTO meta VALUES ('written_by', ?)").run(writtenBy);
  db.exec("COMMIT");
}

/** Which program wrote the file last, as far as its `meta` table says so. */
export function readWriter(db: DatabaseSync): string | undefined {
  try {
    const row = db.prepare("SELECT value FROM meta WHERE key = 'written_by'").get();
    return typeof row?.["value"] === "string" ? row["value"] : undefined;
  } catch {
    return undefined;
  }
}

/** Why SQLite failed, in words that can leave the thread. */
export interface StoreFault {
  readonly full: boolean;
  readonly message: string;
  /** SQLite's extended result code, 0 when the fault is not SQLite's. */
  readonly sqlite: number;
}

const sqliteFull = 13;

export function faultOf(error: unknown): StoreFault {
  const message = error instanceof Error ? error.message : String(error);
  const sqlite =
    error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : 0;
  return { full: sqlite % 256 === sqliteFull || /ENOSPC|no space/i.test(message), message, sqlite };
}

const sqliteCorrupt = 11;
const sqliteNotADatabase = 26;

/** The file is not as SQLite wrote it, and no trying again will help. */
export function isDamage({ sqlite }: StoreFault): boolean {
  return sqlite % 256 === sqliteCorrupt || sqlite % 256 === sqliteNotADatabase;
}
