import type { Bus } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import { AgentFlowError, type RunId, runIdTime, type TenantId } from "@agentflow/protocol";
import type { EngineConfig } from "../engine-config.ts";
import { type Histories, type HistoryOptions, readLog, type StoredCommit } from "../orchestrator/history.ts";
import { parseCommit } from "../orchestrator/parse-commit.ts";
import { makeRunRef, type RunRef } from "../orchestrator/run-ref.ts";
import { ArchiveFiles } from "./archive-files.ts";
import { ArchivePass, type Retention } from "./archive-pass.ts";
import { ArchiveRows } from "./archive-rows.ts";
import type { ArchivedRun } from "./parse-archive.ts";
import { type JournalOptions, type Journals, readJournals } from "./journals.ts";
import type { ReadStore } from "./read-store.ts";
import { turnRecord, type TurnRecord } from "./turn-record.ts";

export interface ArchiveParts {
  readonly bus: Bus;
  readonly store: ReadStore;
  readonly world: World;
  readonly say: Log;
  readonly config: Pick<EngineConfig, "archiveIdAgeMs">;
  /** True for the one control plane that archives; the others learn what it did. */
  readonly isFirst: () => boolean;
  readonly firstOne: () => string | undefined;
}

const dayMs = 86_400_000;
/** Of one call; whoever wants more asks again. */
const runsPerCallMax = 10_000;

/** Which ended runs leave the log now: those that ended longer ago, and all but the newest so many. */
export interface ArchiveNow {
  readonly olderThanMs?: number;
  readonly keepRuns?: number;
}

/**
 * Ended runs outside the log: packed by hundreds, found again by the read model, known to starts by
 * Table.
 */
export class Archive implements Histories, Journals {
  private readonly parts: ArchiveParts;
  private readonly rows: ArchiveRows;
  private readonly files: ArchiveFiles;
  private readonly pass: ArchivePass;
  private readonly stopped = new AbortController();
  private passing: Promise<number> | undefined;

  constructor(parts: ArchiveParts) {
    this.parts = parts;
    const { bus } = parts;
    this.rows = new ArchiveRows(bus.table);
    this.files = new ArchiveFiles(bus.blobs);
    this.pass = new ArchivePass({
      ...parts,
      log: bus.log,
      rows: this.rows,
      files: this.files,
      maybeHas: (ref) => this.maybeHas(ref),
      stopped: this.stopped.signal,
    });
  }

  async read(tenant: TenantId, run: RunId, options: HistoryOptions = {}): Promise<readonly StoredCommit[]> {
    const ref = makeRunRef(tenant, run);
    const stored = await readLog(this.parts.bus.log, ref, options);
    if (stored.length > 0) return stored;
    const archived = await this.archived(ref, options);
    const commits = (archived?.commits ?? []).map(([revision, atMs, body]) => {
      return { revision, atMs, bytes: body.length, parsed: parseCommit(body) };
    });
    return commits.filter(({ revision }) => revision > (options.after ?? 0)).slice(0, options.limit);
  }

  async journal(tenant: TenantId, run: RunId, options: JournalOptions = {}): Promise<readonly TurnRecord[]> {
    const { log } = this.parts.bus;
    const ref = makeRunRef(tenant, run);
    const stored = await readJournals(log, ref, options);
    // Journals leave the log after their run: while it is there, so is what was read.
    if ((await log.read(ref.subject, { limit: 1 })).length > 0) return stored;
    const { step: wanted, after = 0, limit } = options;
    const found = ((await this.archived(ref))?.journal ?? []).filter(([step, revision]) => {
      return revision > after && (wanted === undefined || step === wanted);
    });
    return found.slice(0, limit).map(([step, revision, atMs, body]) => {
      return turnRecord({ kind: "turn", ...ref, step }, { revision, atMs, body });
    });
  }

  /** False for ids that are too young to have been archived. */
  maybeHas({ run }: RunRef): boolean {
    return runIdTime(run) <= this.parts.world.clock.now() - this.parts.config.archiveIdAgeMs;
  }

  /** Asked of Table, which knows all that left the log and is kept. */
  async has(ref: RunRef): Promise<boolean> {
    return this.maybeHas(ref) && (await this.rows.find(ref)) !== undefined;
  }

  /** See `Engine.retain`. One pass at a time: who asks during one gets its answer. */
  async retain(retention: Retention): Promise<number> {
    const begin = (): Promise<number> =>
      this.parts.isFirst() ? this.pass.run(retention) : this.pass.learn(retention);
    this.passing ??= begin().finally(() => {
      this.passing = undefined;
    });
    return this.passing;
  }

  /** See `Engine.archive`. */
  async now({ olderThanMs, keepRuns }: ArchiveNow): Promise<number> {
    if (!this.parts.isFirst()) throw archivesElsewhere(this.parts.firstOne());
    // One that goes on has other bounds: its answer would be no answer to this.
    while (this.passing !== undefined) await this.passing.catch(() => undefined);
    return this.retain({
      days: olderThanMs === undefined ? Number.POSITIVE_INFINITY : olderThanMs / dayMs,
      runs: keepRuns ?? Number.MAX_SAFE_INTEGER,
      // Nothing that was archived goes by this.
      archiveDays: Number.POSITIVE_INFINITY,
      runsMax: runsPerCallMax,
      journals: false,
    });
  }

  /** Rows of archived runs into an empty read model: the log does not have them any more. */
  async refill(): Promise<void> {
    for await (const entries of this.rows.all()) {
      for (const entry of entries) {
        try {
          await this.pass.restore(entry, await this.files.get(entry.row.blob));
        } catch (error) {
          const { blob } = entry.row;
          this.parts.say.error("an archive cannot be read: its runs are left out", { blob, error });
        }
      }
    }
  }

  /** Breaks a pass off between two batches. */
  async stop(): Promise<void> {
    this.stopped.abort();
    await this.passing?.catch(() => undefined);
  }

  private async archived(ref: RunRef, options: HistoryOptions = {}): Promise<ArchivedRun | undefined> {
    return (await this.marked(ref)) ?? (await this.unmarked(ref, options));
  }

  private async marked({ tenant, run }: RunRef): Promise<ArchivedRun | undefined> {
    const { store } = this.parts;
    const archive = (await store.call("row", { tenant, run }))?.archive;
    return archive === undefined ? undefined : (await this.files.find(archive))?.get(run);
  }

  /** The read model may have lost its mark with the power; Table has not. */
  private async unmarked(ref: RunRef, { after = 0 }: HistoryOptions): Promise<ArchivedRun | undefined> {
    if (!this.maybeHas(ref)) return undefined;
    const isInLog = after > 0 && (await this.parts.bus.log.read(ref.subject, { limit: 1 })).length > 0;
    const entry = isInLog ? undefined : await this.rows.find(ref);
    if (entry === undefined) return undefined;
    const runs = await this.files.get(entry.row.blob);
    if (runs.has(ref.run)) await this.pass.restore(entry, runs);
    return runs.get(ref.run);
  }
}

function archivesElsewhere(node: string | undefined): AgentFlowError {
  const who = node === undefined ? "another control plane" : `the control plane ${node}`;
  return new AgentFlowError("refused", `${who} does the archiving of this installation`, {
    reason: "archives_elsewhere",
    ...(node === undefined ? {} : { details: { node } }),
    suggestions: ["ask that one, at its address and with its token or an API key: --url"],
  });
}
