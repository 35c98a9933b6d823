/** The rows of Table, behind the log: what archives took from the log meanwhile is found here. */
import type { Row, Table } from "@agentflow/bus";
import type { Instant, RunId, TenantId } from "@agentflow/protocol";
import { sleep, type Timers } from "@agentflow/host/clock";
import { runSubject } from "../orchestrator/shard.ts";
import type { ArchiveFiles } from "../projector/archive-files.ts";
import { ArchiveRows, rowsUnder } from "../projector/archive-rows.ts";
import {
  type ArchivedRun,
  type ArchiveRow,
  bodiesOf,
  parseArchiveRow,
  tenantOfRow,
} from "../projector/parse-archive.ts";
import type { NamedBlobs } from "./named-blobs.ts";
import { namedByEntry, namedByRow } from "./names.ts";
import type { BackupContent } from "./records.ts";
import { restoreKey } from "./mark.ts";

/**
 * Rows that say who does what just now. A restored installation has others, and must not believe these: a
 * watermark would say that tasks were sent which no queue holds.
 */
const ofTheMoment = ["node.", "owner.", "watermark.", "worker.", "backup.", "audited.", "peers"] as const;

/**
 * Table may lag behind what others wrote, but not behind this client: a write of our own brings it up to here
 * where rows have one order, and the pause where they have not.
 */
const lagMs = 1_000;
const syncKey = "backup.sync";

/** Resolves once a list shows every row that was written before the call. */
export async function catchUp(
  table: Table,
  of: { at: Instant; timers: Timers; signal: AbortSignal },
): Promise<void> {
  const row = JSON.stringify({ v: 1, kind: "backup", at: of.at });
  await table.put(syncKey, row, { expect: "any" });
  await sleep(of.timers, lagMs, of.signal);
  await table.delete(syncKey, { expect: "any" });
}

/** Batches that had left the log for good, by key. */
export async function settledArchives(table: Table): Promise<ReadonlySet<string>> {
  const settled = new Set<string>();
  for await (const entries of new ArchiveRows(table).all()) {
    for (const { key, row } of entries) if (row.purged === true) settled.add(key);
  }
  return settled;
}

export interface RowsSource {
  readonly table: Table;
  readonly files: ArchiveFiles;
  readonly named: NamedBlobs;
  /** As it was before the first record of the log was read. */
  readonly settled: ReadonlySet<string>;
  readonly at: Instant;
}

export async function* copyRows(source: RowsSource): AsyncGenerator<BackupContent, void> {
  for await (const rows of rowsUnder(source.table, "")) {
    for (const row of rows) {
      if (row.key === restoreKey || ofTheMoment.some((prefix) => row.key.startsWith(prefix))) continue;
      if (row.key.startsWith("archived.")) yield* copyArchive(source, row);
      else {
        yield* source.named.give(namedByRow(row), row.key);
        yield { kind: "row", key: row.key, value: row.value };
      }
    }
  }
}

/** File and values first, then the row, if it is still there: an archive over age may go in between. */
async function* copyArchive(source: RowsSource, row: Row): AsyncGenerator<BackupContent, void> {
  const { named, settled, table, at } = source;
  const tenant = tenantOfRow(row.key);
  const archive = parseArchiveRow(row.value);
  if (tenant === undefined || archive === undefined) {
    yield { kind: "row", key: row.key, value: row.value };
    return;
  }
  yield* named.give([archive.blob], row.key);
  const runs = await runsIn(source.files, archive);
  for (const run of runs) {
    const subject = runSubject(tenant, run.run);
    for (const body of bodiesOf(run)) yield* named.give(namedByEntry({ subject, body }), row.key);
  }
  const now = await table.get(row.key);
  if (now === undefined) return;
  if (runs.length === 0 || settled.has(row.key)) {
    yield { kind: "row", key: row.key, value: now.value };
    return;
  }
  for (const run of runs) yield leftLog(tenant, run);
  yield { kind: "row", key: row.key, value: settledRow(archive, at) };
}

function leftLog(tenant: TenantId, { run, commits }: { run: RunId; commits: ArchivedRun["commits"] }) {
  const [upTo] = commits.at(-1) ?? [0];
  return { kind: "left", subject: runSubject(tenant, run), upTo } as const;
}

/** In the copy its runs are nowhere but in the archive. */
function settledRow(row: ArchiveRow, at: Instant): string {
  return JSON.stringify({ ...row, at: row.at ?? at, purged: true });
}

/** None when the file cannot be read: the row goes along as it is. */
async function runsIn(files: ArchiveFiles, { blob }: ArchiveRow): Promise<readonly ArchivedRun[]> {
  try {
    return [...((await files.find(blob))?.values() ?? [])];
  } catch {
    return [];
  }
}
