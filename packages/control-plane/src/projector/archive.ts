import { hash } from "node:crypto";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Bus } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import { AgentFlowError, isId, runIdTime, type RunId, type TenantId } from "@agentflow/protocol";
import { type Histories, type HistoryOptions, readLog, type StoredCommit } from "../orchestrator/history.ts";
import { parseCommit } from "../orchestrator/parse-commit.ts";
import { makeRunRef, type RunRef } from "../orchestrator/run-ref.ts";
import { allShards } from "../orchestrator/shard.ts";
import {
  type ArchivedRun,
  type ArchiveFile,
  type ArchiveRow,
  parseArchive,
  parseArchiveRow,
  tenantOfRow,
} from "./parse-archive.ts";
import { Projection } from "./project.ts";
import type { ReadStore } from "./read-store.ts";

export interface ArchiveParts {
  readonly bus: Bus;
  readonly store: ReadStore;
  readonly world: World;
  readonly say: Log;
}

const runsPerFileMax = 500;
/** A file is closed once it holds so much, compressed to far less than a blob may have. */
const charactersPerFile = 16 * 1024 * 1024;
const runsPerRoundMax = 5_000;
/** Younger ids stay in the log: a start under one need not ask whether it was archived. */
const ageMsMin = 3_600_000;
const filesInMemory = 4;
const idBytes = 8;

/**
 * Ended runs outside the log: packed by hundreds, found again by the read model, known to starts by
 * Table.
 */
export class Archive implements Histories {
  private readonly parts: ArchiveParts;
  private readonly files = new Map<string, Map<string, ArchivedRun>>();

  constructor(parts: ArchiveParts) {
    this.parts = parts;
  }

  async read(tenant: TenantId, run: RunId, options: HistoryOptions = {}): Promise<readonly StoredCommit[]> {
    const stored = await readLog(this.parts.bus.log, { tenant, run }, options);
    if (stored.length > 0) return stored;
    const row = await this.parts.store.call("row", { tenant, run });
    if (row?.archive === undefined) return [];
    const archived = (await this.file(row.archive)).get(run);
    const commits = (archived?.commits ?? []).map(([revision, atMs, body]) => {
      return { revision, atMs, bytes: body.length, parsed: parseCommit(body) };
    });
    return commits.filter(({ revision }) => revision > (options.after ?? 0)).slice(0, options.limit);
  }

  /** False for ids that are too young to have been archived. */
  maybeHas({ run }: RunRef): boolean {
    return runIdTime(run) <= this.parts.world.clock.now() - ageMsMin;
  }

  /** Asked of Table, which knows all that ever left the log. */
  async has(ref: RunRef): Promise<boolean> {
    if (!this.maybeHas(ref)) return false;
    const wanted = shortId(ref.run);
    for (const { value } of await this.parts.bus.table.list(`archived.${ref.shard}.${ref.tenant}.`)) {
      const row = parseArchiveRow(value);
      if (row !== undefined && holds(row, wanted)) return true;
    }
    return false;
  }

  /** Moves ended runs out of the log, oldest first; gives back how many. Can be broken off at any point. */
  async retain({ days, runs }: { readonly days: number; readonly runs: number }): Promise<number> {
    const { store, world, say } = this.parts;
    let count = 0;
    for (;;) {
      const endedBeforeMs = world.clock.now() - days * 86_400_000;
      const rows = await store.call("ended", { endedBeforeMs, keepMax: runs, limit: runsPerRoundMax });
      const batches = new Map<string, RunRef[]>();
      for (const { tenant, run } of rows) {
        if (!isId("tenant", tenant) || !isId("run", run)) continue;
        const ref = makeRunRef(tenant, run);
        if (!this.maybeHas(ref)) continue;
        const key = `${ref.shard} ${ref.tenant}`;
        batches.set(key, [...(batches.get(key) ?? []), ref]);
      }
      for (const refs of batches.values()) {
        for (let i = 0; i < refs.length; ) {
          const packed = await this.pack(refs.slice(i, i + runsPerFileMax));
          count += packed;
          // Runs without a history are passed over with their batch.
          i += packed === 0 ? runsPerFileMax : packed;
        }
      }
      if (batches.size > 0 && rows.length >= runsPerRoundMax) continue;
      if (count > 0) say.info("ended runs left the log for the archive", { runs: count });
      return count;
    }
  }

  /** Rows of archived runs into an empty read model: the log does not have them any more. */
  async refill(): Promise<void> {
    const { bus, store } = this.parts;
    for (const shard of allShards) {
      for (const { key, value } of await bus.table.list(`archived.${shard}.`)) {
        const tenant = tenantOfRow(key);
        const row = parseArchiveRow(value);
        if (tenant === undefined || row === undefined) continue;
        const projection = new Projection();
        const file = await this.file(row.blob);
        for (const { run, commits } of file.values()) {
          for (const [revision, , body] of commits) {
            const parsed = parseCommit(body);
            if (parsed.ok) projection.add({ tenant, run, revision }, parsed.commit);
          }
        }
        await store.call("apply", projection.take(0));
        await store.call("archive", { tenant, archive: row.blob, runs: [...file.keys()] });
      }
    }
  }

  /** File, then its row, then the read model, then the log: whatever stops, each run is in one of them. */
  private async pack(refs: readonly RunRef[]): Promise<number> {
    const [first] = refs;
    if (first === undefined) return 0;
    const { bus, store } = this.parts;
    const { tenant, shard } = first;
    const runs: ArchivedRun[] = [];
    const last = new Map<RunRef, number>();
    let characters = 0;
    for (const ref of refs) {
      const { run, subject } = ref;
      const commits = await bus.log.read(subject, { limit: 100_000 });
      if (commits.length === 0) continue;
      runs.push({ run, commits: commits.map((one) => [one.revision, one.atMs, one.body]) });
      last.set(ref, commits.at(-1)?.revision ?? 0);
      characters += commits.reduce((sum, { body }) => sum + body.length, 0);
      if (characters >= charactersPerFile) break;
    }
    if (runs.length === 0) return 0;
    const file: ArchiveFile = { v: 1, kind: "archive", runs };
    const bytes = zstdCompressSync(JSON.stringify(file));
    const digest = hash("sha256", bytes);
    const blob = `${tenant}/_archive/${digest}`;
    await bus.blobs.put(blob, bytes);
    const ids = Buffer.concat(runs.map(({ run }) => shortId(run))).toString("base64");
    const row: ArchiveRow = { v: 1, blob, ids };
    await bus.table.put(`archived.${shard}.${tenant}.${digest.slice(0, 24)}`, JSON.stringify(row), {
      expect: "any",
    });
    await store.call("archive", { tenant, archive: blob, runs: runs.map(({ run }) => run) });
    // Only what was read: a run longer than one reading loses nothing, its rest stays in the log.
    for (const [{ subject }, upTo] of last) await bus.log.purge(subject, { upTo });
    return runs.length;
  }

  private async file(key: string): Promise<Map<string, ArchivedRun>> {
    const known = this.files.get(key);
    if (known !== undefined) return known;
    const bytes = await this.parts.bus.blobs.get(key);
    if (bytes === undefined) {
      throw new AgentFlowError("not_found", `the archive ${key} is missing`, { reason: "archive_missing" });
    }
    const { runs } = parseArchive(zstdDecompressSync(bytes).toString());
    const file = new Map(runs.map((run) => [run.run, run]));
    this.files.set(key, file);
    for (const oldest of this.files.keys()) {
      if (this.files.size <= filesInMemory) break;
      this.files.delete(oldest);
    }
    return file;
  }
}

function shortId(run: RunId): Buffer {
  return hash("sha256", run, "buffer").subarray(0, idBytes);
}

function holds({ ids }: ArchiveRow, wanted: Buffer): boolean {
  const all = Buffer.from(ids, "base64");
  for (let at = 0; at + idBytes <= all.length; at += idBytes) {
    if (all.compare(wanted, 0, idBytes, at, at + idBytes) === 0) return true;
  }
  return false;
}
