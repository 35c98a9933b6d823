/** Checks what a copy holds: every history folds, every blob has its hash, every named blob is there. */
import { createHash } from "node:crypto";
import { zstdDecompressSync } from "node:zlib";
import { AgentFlowError, isId, parseLogSubject } from "@agentflow/protocol";
import { parseArchive } from "../projector/parse-archive.ts";
import { type Finding, Findings } from "./findings.ts";
import { Histories, type LogCounts } from "./histories.ts";
import { namedByEntry, namedByRow } from "./names.ts";
import type {
  BackupBlob,
  BackupContent,
  BackupCounts,
  BackupEntry,
  BackupHead,
  BackupRecord,
} from "./records.ts";
import { Tally } from "./tally.ts";

export interface RunCounts extends LogCounts {
  readonly archived: number;
}

export interface BackupReport {
  readonly head: BackupHead;
  readonly counts: BackupCounts;
  readonly runs: RunCounts;
  readonly journalEntries: number;
  readonly workflows: number;
  readonly keys: number;
  readonly errors: number;
  readonly warnings: number;
  /** The first hundred. */
  readonly findings: readonly Finding[];
}

/** What a run's records in the log do not count up to: see `BackupLeft`. */
export type LeftRuns = ReadonlyMap<string, number>;

/** Whether the record is of a run that is whole in an archive, and only partly here. */
export function isLeft(left: LeftRuns, { subject, revision }: BackupEntry): boolean {
  return revision <= (left.get(subject) ?? 0);
}

export async function examine(
  records: AsyncIterable<BackupRecord>,
  left: LeftRuns = new Map(),
): Promise<BackupReport> {
  const examiner = new Examiner(left);
  for await (const record of records) examiner.add(record);
  return examiner.report();
}

class Examiner {
  readonly #left: LeftRuns;
  readonly #findings = new Findings();
  readonly #histories = new Histories(this.#findings);
  readonly #tally = new Tally();
  /** Digests of keys, to take a third of the room. */
  readonly #blobs = new Set<string>();
  readonly #lost = new Set<string>();
  /** Runs in each archive's file, counted once a row says that the archive is there. */
  readonly #archives = new Map<string, number>();
  #head: BackupHead | undefined;
  #parts: Buffer[] = [];
  #journalEntries = 0;
  #workflows = 0;
  #keys = 0;
  #archived = 0;
  #parked = 0;

  constructor(left: LeftRuns) {
    this.#left = left;
  }

  add(record: BackupRecord): void {
    if (record.kind === "backup") this.#head = record;
    else if (record.kind !== "end") this.#content(record);
  }

  report(): BackupReport {
    if (this.#head === undefined) throw new AgentFlowError("internal", "a copy without a head");
    const { errors, warnings, first } = this.#findings;
    const inLog = this.#histories.counts;
    return {
      head: this.#head,
      counts: this.#tally.counts,
      runs: { ...inLog, archived: this.#archived, parked: inLog.parked + this.#parked },
      journalEntries: this.#journalEntries,
      workflows: this.#workflows,
      keys: this.#keys,
      errors,
      warnings,
      findings: first,
    };
  }

  #content(record: BackupContent): void {
    this.#tally.add(record);
    switch (record.kind) {
      case "entry":
        return this.#entry(record);
      case "blob":
        return this.#part(record);
      case "row":
        return this.#row(record);
      case "missing": {
        const { key, by, damaged } = record;
        this.#lost.add(short(key));
        const how = damaged ? "damaged" : "missing";
        const message = `the blob was ${how} in the installation when the backup was made`;
        this.#findings.add({ code: "blob_lost", severity: "warning", message, key, by });
        return;
      }
      case "left":
        return;
    }
  }

  #entry(entry: BackupEntry): void {
    if (isLeft(this.#left, entry)) return;
    this.#named(namedByEntry(entry), entry.subject, entry.revision);
    const parsed = parseLogSubject(entry.subject);
    if (parsed === undefined) return;
    const { tenant, run } = parsed;
    if (parsed.kind === "turn") this.#journalEntries++;
    else this.#histories.add(entry.subject, { tenant, run }, entry);
  }

  #row(row: { readonly key: string; readonly value: string }): void {
    if (row.key.startsWith("workflow.")) this.#workflows++;
    if (row.key.startsWith("key.")) this.#keys++;
    const named = namedByRow(row);
    this.#named(named, row.key);
    if (row.key.startsWith("archived.")) this.#archived += this.#archives.get(named[0] ?? "") ?? 0;
  }

  #part({ key, data, last }: BackupBlob): void {
    this.#parts.push(Buffer.from(data, "base64"));
    if (!last) return;
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    if (createHash("sha256").update(bytes).digest("hex") !== key.slice(-64)) {
      const message = "the blob does not have the SHA-256 that its key ends in";
      this.#findings.add({ code: "blob_damaged", severity: "error", message, key });
      return;
    }
    this.#blobs.add(short(key));
    if (key.split("/")[1] === "_archive") this.#archive(key, bytes);
  }

  #archive(key: string, bytes: Buffer): void {
    const tenant = key.split("/")[0];
    if (!isId("tenant", tenant)) return;
    try {
      const { runs } = parseArchive(zstdDecompressSync(bytes).toString());
      this.#archives.set(key, runs.length);
      for (const run of runs) if (!this.#histories.isReadable(tenant, run)) this.#parked++;
    } catch (error) {
      const { message } = AgentFlowError.from(error, "reading an archive");
      this.#findings.add({ code: "history_broken", severity: "error", message, key });
    }
  }

  /** Whatever is named stands before what names it. */
  #named(keys: readonly string[], by: string, revision?: number): void {
    for (const key of keys) {
      const digest = short(key);
      if (this.#blobs.has(digest) || this.#lost.has(digest)) continue;
      this.#lost.add(digest);
      const at = revision === undefined ? {} : { revision };
      const run = parseLogSubject(by);
      const of = run === undefined ? {} : { tenant: run.tenant, run: run.run };
      const message = "a blob that is named is not in the backup";
      this.#findings.add({ code: "blob_missing", severity: "error", message, key, by, ...of, ...at });
    }
  }
}

function short(key: string): string {
  return createHash("sha256").update(key).digest("base64").slice(0, 16);
}
