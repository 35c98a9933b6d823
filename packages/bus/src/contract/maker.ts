/** What an adapter brings to the contract: how to open it, restart it and hurt it. */
import type { Bus } from "../port/index.ts";

export interface BusMaker {
  readonly capabilities: Capabilities;
  /** A fresh installation with nothing in it. Whoever opened it closes it. */
  open(options?: OpenOptions): Promise<Opened>;
}

export interface OpenOptions {
  /** The queue takes no more tasks than this, waiting and leased together. */
  readonly queueMax?: number;
}

/** What an adapter can show. A case that needs more is skipped by name, not passed. */
export interface Capabilities {
  /** What was acknowledged is there after `restart(…, "kept")`. */
  readonly durable: boolean;
  /** Revisions may have gaps: the suite then expects growth, nothing more. */
  readonly gaps: boolean;
  /** The owner of the data is another process than the client. */
  readonly separateProcess: boolean;
  /** `second` gives further clients of the same installation. */
  readonly severalClients: boolean;
  /** `restart` works. */
  readonly restarts: boolean;
  /** Which of `faults` there are. */
  readonly faults: readonly (keyof Faults)[];
  /** In how many lanes the log is kept; 1 when left out. */
  readonly lanes?: number;
  /** Time that the adapter lives on; the machine's own when left out. */
  readonly time?: ContractTime;
}

/** A clock to wait by. A virtual one moves on by itself whenever nothing else can happen. */
export interface ContractTime {
  now(): number;
  /** Calls `fn` after `ms`; the result ends it. */
  after(ms: number, fn: () => void): () => void;
}

export interface Opened {
  readonly bus: Bus;
  /** Another client of the same installation; closed with it. */
  readonly second?: () => Promise<Bus>;
  /** Ends the installation and opens it again; the old `bus` and its clients are dead then. */
  readonly restart?: (kind: "graceful" | "kill", data: "kept" | "empty") => Promise<Opened>;
  readonly faults?: Faults;
  /** Closes every client and the installation; more than once is harmless. */
  close(): Promise<void>;
}

/** Each acts on the installation that was opened. A fault point is the adapter's business. */
export interface Faults {
  /** The next commit (of an append) fails: nothing of it is kept, and soon others work. */
  readonly failNextCommit?: () => Promise<void>;
  /** The answer to the next append is lost: the record is there, and the caller is told `unavailable`. */
  readonly loseNextAnswer?: () => Promise<void>;
  /** Answers to appends come so much later, until it is 0 again. */
  readonly lateAnswers?: (ms: number) => Promise<void>;
  /** Cuts the connection of one client, which may connect again by itself. */
  readonly cutConnection?: (bus: Bus) => Promise<void>;
  /** Changes a stored blob behind the adapter's back. */
  readonly corruptBlob?: (key: string) => Promise<void>;
}
