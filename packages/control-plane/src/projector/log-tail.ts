import {
  advanced,
  covers,
  higher,
  laneOf,
  type Log,
  type LogEntry,
  type Position,
  type Revision,
  startOf,
} from "@agentflow/bus";
import {
  type Commit,
  parseLogSubject,
  prefixes,
  type RunId,
  type Shard,
  type Subject,
  type TenantId,
} from "@agentflow/protocol";
import { type ParsedCommit, parseCommit } from "../orchestrator/parse-commit.ts";
import { turnRecord, type TurnRecord } from "./turn-record.ts";

/** One commit of a run as everybody behind the log sees it. */
export interface LogRecordOfRun {
  readonly kind: "commit";
  readonly tenant: TenantId;
  readonly run: RunId;
  readonly shard: Shard;
  readonly revision: Revision;
  /** This engine wrote it, as far as it knows. */
  readonly isOwn: boolean;
  readonly atMs: number;
  readonly parsed: ParsedCommit;
}

/** `all`: the commits with the journals' records between them, as the log has them. */
export type LogReader = (
  records: readonly LogRecordOfRun[],
  upTo: Position,
  all: readonly AnyRecordOfRun[],
) => void | Promise<void>;

export type AnyRecordOfRun = LogRecordOfRun | TurnRecord;

export interface LogTail {
  /**
   * Commits that this engine appends come back through the tail, often before the answer: no second
   * parse.
   */
  appending(subject: Subject, body: string, commit: Commit): void;
  /** The append was answered: with its revision, or without when it was not written for all one knows. */
  appended(subject: Subject, revision: Revision | undefined): void;
  /** Reads behind `after` until the signal aborts; rejects when the log fails. */
  read(after: Position, reader: LogReader, signal: AbortSignal): Promise<void>;
}

interface Written {
  readonly body: string;
  readonly commit: Commit;
}

const ownMax = 20_000;

/** The one reader of the log in an engine: everybody else is fed by it, in order within each lane. */
export function createLogTail(log: Log, skipped: { add(): void }): LogTail {
  const { lanes } = log;
  /** By lane, each in the order of its revisions. */
  const own = Array.from({ length: lanes }, () => new Map<Revision, Written>());
  const inFlight = new Map<Subject, Written>();
  let seen = startOf(lanes);
  const record = (entry: LogEntry): AnyRecordOfRun | undefined => {
    const subject = parseLogSubject(entry.subject);
    if (subject === undefined) {
      skipped.add();
      return undefined;
    }
    if (subject.kind === "turn") return turnRecord(subject, entry);
    const { tenant, run, shard } = subject;
    const written = own[laneOf(entry.revision, lanes)]?.get(entry.revision) ?? inFlight.get(entry.subject);
    // A log that lost its end gives revisions again: what was written there may be another's by now.
    const commit = written?.body === entry.body ? written.commit : undefined;
    const parsed: ParsedCommit = commit === undefined ? parseCommit(entry.body) : { ok: true, commit };
    const { revision, atMs } = entry;
    return { kind: "commit", tenant, run, shard, revision, isOwn: commit !== undefined, atMs, parsed };
  };
  return {
    appending(subject, body, commit) {
      inFlight.set(subject, { body, commit });
    },
    appended(subject, revision) {
      const flying = inFlight.get(subject);
      inFlight.delete(subject);
      if (flying === undefined || revision === undefined || covers(seen, revision)) return;
      const kept = own[laneOf(revision, lanes)];
      if (kept === undefined) return;
      if (kept.size >= ownMax) kept.clear();
      kept.set(revision, flying);
    },
    async read(after, reader, signal) {
      let upTo = after;
      for await (const batch of log.tail({ filter: [prefixes.log], after, signal })) {
        const records: LogRecordOfRun[] = [];
        const all: AnyRecordOfRun[] = [];
        for (const entry of batch) {
          const one = record(entry);
          if (one !== undefined) all.push(one);
          if (one?.kind === "commit") records.push(one);
        }
        upTo = advanced(upTo, batch);
        // What was read, and not where a reader says that it is: a cursor may claim any place.
        seen = higher(seen, advanced(seen, batch));
        for (const kept of own) forget(kept, seen);
        await reader(records, upTo, all);
      }
    },
  };
}

function forget(kept: Map<Revision, Written>, upTo: Position): void {
  for (const revision of kept.keys()) {
    if (!covers(upTo, revision)) return;
    kept.delete(revision);
  }
}
