/** Log: append at a revision, read one subject, tail many. */
import type { Subject } from "@agentflow/protocol";

/**
 * The place of a record in its stream: opaque, it grows, it has gaps. 0 is "before everything". Where the
 * stream `log` has several lanes, revisions compare within one of them: a run and a shard lie in one.
 */
export type Revision = number;

/**
 * How far somebody is in the whole log: the last revision of each lane that lies behind him. Lanes grow side
 * by side and nothing orders them, so two positions may each be ahead of the other. Never changed in place.
 */
export type Position = readonly Revision[];

export interface LogEntry {
  readonly subject: Subject;
  readonly revision: Revision;
  /** UTF-8 text, as it was appended. */
  readonly body: string;
  /** When the log took it, Unix milliseconds. */
  readonly atMs: number;
}

export interface AppendOptions {
  /** The revision of the subject's last record that the writer knows (0: none yet). "any" has no fence. */
  readonly expect: Revision | "any";
}

/** Losing a race is a value, not an error. `revision`: the subject's last record as the log sees it. */
export type Appended =
  | { readonly ok: true; readonly revision: Revision }
  | { readonly ok: false; readonly reason: "wrong_revision"; readonly revision: Revision };

export interface TailOptions {
  /** Subjects or prefixes ending in a dot, all of one stream (`log`, `dead`, `audit` or `tele`: revisions
   *  count within a stream); a record is delivered when it matches one. */
  readonly filter: readonly Subject[];
  /**
   * Everything behind it: first what is stored, then what comes. A revision where what is read lies in one
   * lane, 0 for all of any number; else a position, for one number says nothing of the other lanes.
   */
  readonly after: Revision | Position;
  readonly signal: AbortSignal;
}

export interface Log {
  /** In how many lanes the stream `log` is kept, 1 to 8: `revision % lanes` names a record's. */
  readonly lanes: number;
  /**
   * Resolves once the record is durable by the adapter's class. Throws `unavailable` or `timeout` when that
   * is not known (the record may be there: read before trying again), `limit_exceeded` for a body over
   * `bodyBytesMax` or a full store, `invalid_input` for a subject that is none, or whose stream is not kept.
   */
  append(subject: Subject, body: string, options: AppendOptions): Promise<Appended>;
  /** Records of one subject behind `after`, oldest first, at most `limit` (default 1,000): a leader read. */
  read(
    subject: Subject,
    options?: { readonly after?: Revision; readonly limit?: number },
  ): Promise<LogEntry[]>;
  /**
   * Batches in revision order within each lane, never empty, no record twice, none left out. Ends when the
   * signal aborts; a reader that is slow gets bigger batches, not dropped records. When the connection is
   * lost it goes on by itself, or throws `unavailable`: tail again behind what was seen.
   */
  tail(options: TailOptions): AsyncIterable<readonly LogEntry[]>;
  /** The revision of the newest record of the stream that `prefix` names (0 when empty), in any lane. */
  head(prefix: Subject): Promise<Revision>;
  /** The newest of each lane of the stream `log`, in the sense of `head`. */
  heads(): Promise<Position>;
  /**
   * Subjects under a prefix that ends in a dot, of which there is a record: in pages, each subject once, in
   * any order. What is appended or purged meanwhile may be among them or not.
   */
  subjects(prefix: Subject): AsyncIterable<readonly Subject[]>;
  /** Removes records of one subject (`upTo` included, all when left out): for archiver and `run delete`. */
  purge(subject: Subject, options?: { readonly upTo?: Revision }): Promise<void>;
}

/** 1 MiB, as the NATS server's own default. */
export const bodyBytesMax = 1024 * 1024;
