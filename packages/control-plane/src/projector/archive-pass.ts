import type { Log, LogEntry } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Log as HostLog } from "@agentflow/host/log";
import { AgentFlowError, instant, isId, type RunId, subjects, unixMs } from "@agentflow/protocol";
import { makeRunRef, type RunRef } from "../orchestrator/run-ref.ts";
import { type ArchivedRuns, type ArchiveFiles, rowsOf } from "./archive-files.ts";
import type { ArchiveEntry, ArchiveRows } from "./archive-rows.ts";
import type { ArchivedRun } from "./parse-archive.ts";
import { readJournals } from "./journals.ts";
import type { ReadStore } from "./read-store.ts";
import { purgeStrayJournals } from "./stray-journals.ts";
import type { TurnRecord } from "./turn-record.ts";

export interface ArchivePassParts {
  readonly log: Log;
  readonly store: ReadStore;
  readonly world: World;
  readonly say: HostLog;
  readonly rows: ArchiveRows;
  readonly files: ArchiveFiles;
  /** False for runs that are too young to leave the log. */
  readonly maybeHas: (ref: RunRef) => boolean;
  readonly stopped: AbortSignal;
}

/** How long ended runs stay where. */
export interface Retention {
  /** In the log, since their end. */
  readonly days: number;
  /** In the log, by number; those beyond leave it, oldest first. */
  readonly runs: number;
  /** In archives, since they left the log: then they are gone, with their blobs and their rows. */
  readonly archiveDays?: number;
  /** At most so many leave the log in this pass, as far as a round goes; all of them when left out. */
  readonly runsMax?: number;
  /** False: journals that no run needs any more are not looked for. */
  readonly journals?: false;
}

const archiveDaysDefault = 90;
const dayMs = 86_400_000;
const runsPerFileMax = 500;
/** A file is closed once it holds so much, compressed to far less than a blob may have. */
const charactersPerFile = 16 * 1024 * 1024;
const runsPerRoundMax = 10_000;

/** One pass of retention: what an earlier one left half done, what is over age, what should leave the log. */
export class ArchivePass {
  private readonly parts: ArchivePassParts;

  constructor(parts: ArchivePassParts) {
    this.parts = parts;
  }

  /** Gives back how many runs left the log. Can be broken off at any point: the next pass goes on. */
  async run(retention: Retention): Promise<number> {
    const { days, runs, archiveDays = archiveDaysDefault, runsMax = Number.MAX_SAFE_INTEGER } = retention;
    await this.takeUp(archiveDays);
    let count = 0;
    while (!this.parts.stopped.aborted && count < runsMax) {
      const before = count;
      const endedBeforeMs = this.parts.world.clock.now() - days * dayMs;
      const ended = { endedBeforeMs, keepMax: runs, limit: Math.min(runsPerRoundMax, runsMax) };
      const rows = await this.parts.store.call("ended", ended);
      const batches = this.batches(rows);
      for (const refs of batches) count += await this.archive(refs);
      // Nothing of a full round could go: the next one would be the same.
      if (count === before || rows.length < ended.limit) break;
    }
    if (count > 0) this.parts.say.info("ended runs left the log for the archive", { runs: count });
    if (retention.journals !== false) await purgeStrayJournals(this.parts);
    return count;
  }

  /**
   * What the one that archives has done, into the read model of another: batches that are new to it, and
   * those that are over age or gone. Nothing else is touched; no run leaves the log by this.
   */
  async learn({ archiveDays = archiveDaysDefault }: Retention): Promise<number> {
    const { rows, store, stopped } = this.parts;
    // Asked first: what is known now and has no row then, had one before.
    const known = new Set(await store.call("archives", undefined));
    const edgeMs = this.parts.world.clock.now() - archiveDays * dayMs;
    for await (const entries of rows.all()) {
      for (const entry of entries) {
        if (stopped.aborted) return 0;
        const { blob, at, purged } = entry.row;
        const isOld = purged === true && at !== undefined && unixMs(at) < edgeMs;
        const isKnown = known.has(blob);
        if (!isOld) known.delete(blob);
        if (!isOld && !isKnown && purged === true) await this.learnOf(entry);
      }
    }
    for (const archive of known) {
      const [tenant = ""] = archive.split("/");
      await store.call("forget", { tenant, archive, runs: undefined });
    }
    return 0;
  }

  /** The rows of a batch into a read model that does not have them. */
  async restore({ tenant, row }: ArchiveEntry, runs: ArchivedRuns): Promise<void> {
    const mark = { tenant, archive: row.blob, runs: [...runs.keys()], rows: rowsOf(tenant, runs) };
    await this.parts.store.call("archive", mark);
  }

  private batches(rows: readonly { readonly tenant: string; readonly run: string }[]): RunRef[][] {
    const batches = new Map<string, RunRef[]>();
    for (const { tenant, run } of rows) {
      if (!isId("tenant", tenant) || !isId("run", run)) continue;
      const ref = makeRunRef(tenant, run);
      if (!this.parts.maybeHas(ref)) continue;
      const key = `${ref.shard} ${ref.tenant}`;
      const batch = batches.get(key);
      if (batch === undefined) batches.set(key, [ref]);
      else batch.push(ref);
    }
    return [...batches.values()];
  }

  /** Batches whose runs may still be in the log, or that the read model lost, or that are over age. */
  private async takeUp(archiveDays: number): Promise<void> {
    const { rows, store, world, say, stopped } = this.parts;
    const edgeMs = world.clock.now() - archiveDays * dayMs;
    for await (const entries of rows.all()) {
      const archives = entries.map(({ row }) => row.blob);
      const unknown = new Set(await store.call("unknownArchives", { archives }));
      for (const entry of entries) {
        if (stopped.aborted) return;
        const { blob, at, purged } = entry.row;
        const isOld = purged === true && at !== undefined && unixMs(at) < edgeMs;
        if (!isOld && purged === true && !unknown.has(blob)) continue;
        try {
          await (isOld ? this.drop(entry) : this.settle(entry));
        } catch (error) {
          // One broken file must not keep the others from going on.
          say.warn("an archive could not be taken up; the next pass tries again", { blob, error });
        }
      }
    }
  }

  private async learnOf(entry: ArchiveEntry): Promise<void> {
    try {
      await this.restore(entry, await this.parts.files.get(entry.row.blob));
    } catch (error) {
      this.parts.say.warn("an archive could not be read; the next pass tries again", {
        blob: entry.row.blob,
        error,
      });
    }
  }

  private async settle(entry: ArchiveEntry): Promise<void> {
    const runs = await this.parts.files.get(entry.row.blob);
    await this.restore(entry, runs);
    if (entry.row.purged !== true) await this.purge(entry, runs);
  }

  /** Only what the file holds: a run longer than one reading loses nothing, its rest stays in the log. */
  private async purge(entry: ArchiveEntry, runs: ArchivedRuns): Promise<void> {
    const { log, rows } = this.parts;
    let newestMs = 0;
    for (const { run, commits, journal } of runs.values()) {
      const [upTo, atMs] = commits.at(-1) ?? [0, 0];
      newestMs = Math.max(newestMs, atMs);
      const ref = makeRunRef(entry.tenant, run);
      // The run first: who finds it gone reads the journals in the file, be some of them left in the log.
      await log.purge(ref.subject, { upTo });
      const last = new Map((journal ?? []).map(([step, revision]) => [step, revision]));
      for (const [step, to] of last) await log.purge(subjects.turn({ ...ref, step }), { upTo: to });
    }
    await rows.purged(entry, entry.row.at ?? instant(newestMs));
  }

  /** Blobs of the runs, their rows, the file, and last the row that leads to all of them. */
  private async drop(entry: ArchiveEntry): Promise<void> {
    const { files, rows, store } = this.parts;
    const { tenant, row } = entry;
    const runs = await this.runsOf(row.blob);
    for (const run of runs ?? []) await files.removeBlobsOf(tenant, run);
    await store.call("forget", { tenant, archive: row.blob, runs });
    await files.remove(row.blob);
    await rows.remove(entry);
  }

  /** Undefined for a file that is gone or damaged: that keeps nothing here for ever. */
  private async runsOf(blob: string): Promise<readonly RunId[] | undefined> {
    try {
      const runs = await this.parts.files.find(blob);
      return runs === undefined ? undefined : [...runs.keys()];
    } catch (error) {
      if (!AgentFlowError.is(error) || error.code !== "internal") throw error;
      this.parts.say.warn("an archive over age cannot be read: blobs of its runs may stay", { blob, error });
      return undefined;
    }
  }

  private async archive(refs: readonly RunRef[]): Promise<number> {
    let count = 0;
    for (let at = 0; at < refs.length && !this.parts.stopped.aborted; ) {
      const { taken, packed } = await this.packOrLeave(refs.slice(at, at + runsPerFileMax));
      at += taken;
      count += packed;
    }
    return count;
  }

  /** A history that no file holds stays in the log, and keeps none of the others there. */
  private async packOrLeave(refs: readonly RunRef[]): Promise<{ taken: number; packed: number }> {
    try {
      return await this.pack(refs);
    } catch (error) {
      if (!AgentFlowError.is(error) || error.reason !== "too_big") throw error;
      const [first] = refs;
      if (refs.length === 1 && first !== undefined) {
        const { tenant, run } = first;
        this.parts.say.child({ tenant, run }).warn("a run is too long to be archived: it stays in the log");
        return { taken: 1, packed: 0 };
      }
      let packed = 0;
      for (const ref of refs) packed += (await this.packOrLeave([ref])).packed;
      return { taken: refs.length, packed };
    }
  }

  /** File, then its row, then the read model, then the log: whatever stops, each run is in one of them. */
  private async pack(refs: readonly RunRef[]): Promise<{ taken: number; packed: number }> {
    const { log, store, world, rows, files } = this.parts;
    const runs = new Map<RunId, ArchivedRun>();
    let characters = 0;
    let taken = 0;
    for (const ref of refs) {
      taken++;
      const commits = await log.read(ref.subject, { limit: 100_000 });
      if (commits.length === 0) {
        await this.notInLog(ref);
        continue;
      }
      const packed = packedRun(ref.run, commits, await readJournals(log, ref));
      runs.set(ref.run, packed);
      characters += charactersOf(packed.commits) + charactersOf(packed.journal ?? []);
      if (characters >= charactersPerFile) break;
    }
    const [first] = refs;
    if (first === undefined || runs.size === 0) return { taken, packed: 0 };
    const { tenant } = first;
    const ids = [...runs.keys()];
    const blob = await files.write(tenant, [...runs.values()]);
    const entry = await rows.add(first, { blob, at: instant(world.clock.now()), runs: ids });
    await store.call("archive", { tenant, archive: blob, runs: ids });
    await this.purge(entry, runs);
    return { taken, packed: runs.size };
  }

  /** The read model says that the log has it: it lost a mark, or the run is gone for good. */
  private async notInLog(ref: RunRef): Promise<void> {
    const { rows, files, store } = this.parts;
    const entry = await rows.find(ref);
    const runs = entry === undefined ? undefined : await files.find(entry.row.blob);
    if (entry !== undefined && runs?.has(ref.run) === true) return this.restore(entry, runs);
    await store.call("forget", { tenant: ref.tenant, runs: [ref.run] });
  }
}

function packedRun(run: RunId, commits: readonly LogEntry[], turns: readonly TurnRecord[]): ArchivedRun {
  const journal = turns.map(({ step, revision, atMs, body }) => [step, revision, atMs, body] as const);
  return {
    run,
    commits: commits.map((one) => [one.revision, one.atMs, one.body]),
    ...(journal.length === 0 ? {} : { journal }),
  };
}

/** The text of a record is the last of its parts. */
function charactersOf(records: readonly (readonly (string | number)[])[]): number {
  return records.reduce((sum, parts) => sum + String(parts.at(-1)).length, 0);
}
