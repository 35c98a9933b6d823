import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Position } from "@agentflow/bus";
import { PeopleTables } from "./people-tables.ts";
import type {
  ApprovalQuery,
  ApprovalRow,
  ArchiveMark,
  Checkpoint,
  EndedQuery,
  ForgottenRuns,
  LivePlace,
  LiveRun,
  OpenOfBuild,
  ReadBatch,
  RunList,
  RunQuery,
  RunRow,
  StatusCounts,
  TelemetryBatchRows,
  TelemetryList,
  TelemetryQuery,
  UsageQuery,
  UsageSums,
} from "./read-rows.ts";
import { pragmas, readModelVersion, tables } from "./read-tables.ts";
import { RunTable } from "./run-table.ts";
import { TelemetryTable } from "./telemetry-table.ts";

const inMemory = ":memory:";

/**
 * One SQLite file that can be thrown away. A file that is broken or of another version is replaced by an
 * empty
 * one; its checkpoint then says nothing, and whoever fills it begins anew.
 */
export class ReadModel {
  private readonly path: string;
  private db: DatabaseSync;
  private runs: RunTable;
  private telemetry: TelemetryTable;
  private people: PeopleTables;

  constructor(path: string) {
    this.path = path;
    if (path !== inMemory) mkdirSync(dirname(path), { recursive: true });
    ({ db: this.db, runs: this.runs, telemetry: this.telemetry, people: this.people } = openOrReplace(path));
  }

  checkpoint(): Checkpoint {
    return { position: this.position(), telemetryRevision: this.number("telemetryRevision") };
  }

  /** Rows and checkpoint in one transaction: never one without the other. */
  apply(batch: ReadBatch): void {
    this.transaction(() => {
      this.runs.apply(batch.runs);
      this.people.apply(batch.runs);
      this.people.applyModels(batch.models ?? []);
      this.set("revision", batch.position.join(","));
    });
  }

  applyTelemetry(batch: TelemetryBatchRows): void {
    this.transaction(() => {
      this.telemetry.apply(batch);
      if (batch.dropped > 0) this.set("dropped", this.number("dropped") + batch.dropped);
      this.set("telemetryRevision", batch.revision);
    });
  }

  row(tenant: string, run: string): RunRow | undefined {
    return this.runs.row(tenant, run);
  }

  list(query: RunQuery): RunList {
    return this.runs.list(query, this.position());
  }

  live(after: LivePlace | undefined, limit: number): LiveRun[] {
    return this.runs.live(after, limit);
  }

  approvals(query: ApprovalQuery): ApprovalRow[] {
    return this.people.approvals(query);
  }

  /** By tenant. */
  openApprovals(): StatusCounts {
    return this.people.openCounts();
  }

  usage(query: UsageQuery): UsageSums {
    return this.people.usage(query);
  }

  counts(): StatusCounts {
    return this.runs.counts();
  }

  openByBuild(tenant: string | undefined): OpenOfBuild[] {
    return this.runs.openByBuild(tenant);
  }

  ended(query: EndedQuery): RunRow[] {
    return this.runs.ended(query);
  }

  archive(mark: ArchiveMark): void {
    this.transaction(() => {
      this.runs.archive(mark);
      this.people.apply(mark.rows ?? []);
    });
  }

  /** Every archive that a mark in here speaks of. */
  archives(): string[] {
    return this.runs.archives();
  }

  /** Those of the archives that no mark in here speaks of. */
  unknownArchives(archives: readonly string[]): string[] {
    return archives.filter((archive) => !this.runs.hasArchive(archive));
  }

  forget(gone: ForgottenRuns): void {
    this.transaction(() => {
      for (const run of this.runs.forget(gone)) this.people.forget(gone.tenant, run);
    });
  }

  /** The stream began anew: places in it are given out again, to other records. */
  forgetTelemetry(): void {
    this.transaction(() => {
      this.telemetry.clear();
      this.set("telemetryRevision", 0);
    });
  }

  queryTelemetry(query: TelemetryQuery): TelemetryList {
    return this.telemetry.query(query, this.number("dropped"));
  }

  /** Empties it: the next checkpoint says nothing. */
  reset(): void {
    // It is closed already when an earlier try found no room for the new file.
    if (this.db.isOpen) this.db.close();
    remove(this.path);
    const opened = openOrReplace(this.path);
    ({ db: this.db, runs: this.runs, telemetry: this.telemetry, people: this.people } = opened);
  }

  close(): void {
    this.db.close();
  }

  private transaction(work: () => void): void {
    this.db.exec("BEGIN");
    try {
      work();
      this.db.exec("COMMIT");
    } catch (error) {
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      throw error;
    }
  }

  /** One number for each lane of the log. */
  private position(): Position | undefined {
    return this.text("revision")?.split(",").map(Number);
  }

  private number(name: string): number {
    return Number(this.text(name) ?? 0);
  }

  private text(name: string): string | undefined {
    const value = this.db.prepare("SELECT value FROM meta WHERE name = ?").get(name)?.["value"];
    return typeof value === "string" ? value : undefined;
  }

  private set(name: string, value: number | string): void {
    this.db.prepare("INSERT OR REPLACE INTO meta VALUES (?, ?)").run(name, String(value));
  }
}

interface Opened {
  readonly db: DatabaseSync;
  readonly runs: RunTable;
  readonly telemetry: TelemetryTable;
  readonly people: PeopleTables;
}

function openOrReplace(path: string): Opened {
  try {
    return open(path);
  } catch (error) {
    if (path === inMemory) throw error;
    remove(path);
    return open(path);
  }
}

function open(path: string): Opened {
  const db = new DatabaseSync(path, { timeout: 5_000 });
  try {
    if (path !== inMemory) chmodSync(path, 0o600);
    db.exec(pragmas);
    db.exec(tables);
    const stored = db.prepare("SELECT value FROM meta WHERE name = 'version'").get()?.["value"];
    if (stored !== undefined && stored !== readModelVersion) throw new Error("read model of another version");
    db.prepare("INSERT OR REPLACE INTO meta VALUES ('version', ?)").run(readModelVersion);
    return {
      db,
      runs: new RunTable(db),
      telemetry: new TelemetryTable(db),
      people: new PeopleTables(db),
    };
  } catch (error) {
    db.close();
    throw error;
  }
}

function remove(path: string): void {
  if (path === inMemory) return;
  for (const end of ["", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
}
