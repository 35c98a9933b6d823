import type { Log, LogEntry, Revision } from "@agentflow/bus";
import { type Commit, parseLogSubject, prefixes, type RunId, type TenantId } from "@agentflow/protocol";
import { type ParsedCommit, parseCommit } from "../orchestrator/parse-commit.ts";

/** One record of a run as everybody behind the log sees it. */
export interface LogRecordOfRun {
  readonly tenant: TenantId;
  readonly run: RunId;
  readonly revision: Revision;
  readonly atMs: number;
  readonly parsed: ParsedCommit;
}

export type LogReader = (records: readonly LogRecordOfRun[], upTo: Revision) => void | Promise<void>;

export interface LogTail {
  /** Commits that this engine appended: they come back through the tail and need no second parse. */
  own(revision: Revision, commit: Commit): void;
  /** Reads behind `after` until the signal aborts; rejects when the log fails. */
  read(after: Revision, reader: LogReader, signal: AbortSignal): Promise<void>;
}

const ownMax = 20_000;

/** The one reader of the log in an engine: everybody else is fed by it, in revision order. */
export function createLogTail(log: Log, skipped: { add(): void }): LogTail {
  const own = new Map<Revision, Commit>();
  const record = (entry: LogEntry): LogRecordOfRun | undefined => {
    const subject = parseLogSubject(entry.subject);
    if (subject === undefined) return void skipped.add();
    if (subject.kind === "turn") return undefined;
    const { tenant, run } = subject;
    const commit = own.get(entry.revision);
    if (commit !== undefined) own.delete(entry.revision);
    const parsed: ParsedCommit = commit === undefined ? parseCommit(entry.body) : { ok: true, commit };
    return { tenant, run, revision: entry.revision, atMs: entry.atMs, parsed };
  };
  return {
    own(revision, commit) {
      if (own.size >= ownMax) own.clear();
      own.set(revision, commit);
    },
    async read(after, reader, signal) {
      for await (const batch of log.tail({ filter: [prefixes.log], after, signal })) {
        const records: LogRecordOfRun[] = [];
        for (const entry of batch) {
          const one = record(entry);
          if (one !== undefined) records.push(one);
        }
        const upTo = batch.at(-1)?.revision ?? after;
        // Entries that came before their acknowledgement were parsed here; nothing asks for them again.
        for (const revision of own.keys()) {
          if (revision > upTo) break;
          own.delete(revision);
        }
        await reader(records, upTo);
      }
    },
  };
}
