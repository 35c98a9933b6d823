/** Runs over the API: what a client sends and gets. */
import type { SandboxApplied } from "../sandbox.ts";
import type { Failure } from "../errors.ts";
import type { LastHolder, RunEvent } from "../events/run.ts";
import type { Instant, Json } from "../json.ts";
import type { JournalRecord } from "../journal.ts";
import type { LiveMessage } from "../live.ts";
import type { UsageTotals } from "../model.ts";

/**
 * `running` also covers runs that wait; `waitsFor` says for what. `parked`: needs a person or another
 * build.
 */
export const runStatuses = ["running", "parked", "completed", "failed", "cancelled"] as const;
export type RunStatus = (typeof runStatuses)[number];

/** Body of `POST /v1/runs`. */
export interface StartRunBody {
  /** Made by the client once for each start; retries carry the same. */
  readonly run: string;
  readonly workflow: string;
  /** A version of the workflow (12 hex digits); the newest when left out. */
  readonly version?: string;
  readonly input?: Json;
  readonly labels?: { readonly [key: string]: string };
  readonly timeoutMs?: number;
  readonly traceparent?: string;
}

/** A run as lists and answers show it. */
export interface RunSummary {
  readonly run: string;
  readonly workflow: string;
  readonly version: string;
  readonly status: RunStatus;
  readonly startedAt: Instant;
  readonly endedAt?: Instant;
  /** Opaque, grows: pass as `minRevision` to see at least this. */
  readonly revision: number;
  readonly labels?: { readonly [key: string]: string };
  readonly failure?: Failure;
}

/** The answer of a start that waits, and of `GET /v1/runs/{run}`. */
export interface RunView extends RunSummary {
  readonly input?: Json;
  /** Present when completed; a big output is fetched whole all the same, up to 8 MiB. */
  readonly output?: Json;
  readonly build: string;
  readonly deadline?: Instant;
  readonly steps: readonly StepView[];
  /** Distinct code versions that ran attempts of this run; more than one means builds were mixed. */
  readonly codes: readonly string[];
  /** What models and tools of the run have used up; absent when none was called. */
  readonly usage?: UsageTotals;
}

export type StepStatus =
  | "blocked"
  | "queued"
  | "running"
  | "retrying"
  | "waiting"
  | "succeeded"
  | "caught"
  | "failed"
  | "skipped"
  | "cancelled"
  | "asking"
  | "unknown";

export interface StepView {
  readonly step: string;
  readonly uses: string;
  readonly status: StepStatus;
  readonly attempts: readonly AttemptView[];
  readonly startedAt?: Instant;
  readonly endedAt?: Instant;
  readonly output?: Json;
  readonly failure?: Failure;
  /** When a timer or retry is due. */
  readonly until?: Instant;
  /** Items of a forEach step: how many in all, how many done. */
  readonly items?: { readonly count: number; readonly done: number };
  readonly usage?: UsageTotals;
  /** The newest approval that was asked for. */
  readonly approval?: string;
}

/** The queue lost the attempt's task, and it was sent again. */
export interface InterruptionView {
  readonly at: Instant;
  /** Who had it, most likely. */
  readonly holder?: LastHolder;
}

export interface AttemptView {
  readonly attempt: number;
  readonly dispatchedAt: Instant;
  readonly startedAt?: Instant;
  readonly endedAt?: Instant;
  readonly queueMs?: number;
  readonly ms?: number;
  readonly worker?: string;
  readonly code?: string;
  /** Of an untrusted tool: what the call ran in. */
  readonly sandbox?: SandboxApplied;
  readonly outcome: "open" | "succeeded" | "failed" | "lost" | "stopped" | "suspended" | "unknown";
  readonly failure?: Failure;
  /** When it began anew under its number, oldest first; `startedAt` and `queueMs` are of the last time. */
  readonly interruptions?: readonly InterruptionView[];
}

/** The answer to `POST /v1/runs`; with `waitMs` and a run that ended in time, `output` or `failure` too. */
export interface RunAnswer {
  readonly run: string;
  readonly status: RunStatus;
  readonly revision: number;
  readonly output?: Json;
  readonly failure?: Failure;
  /** True when this run id had been started before with the same body. */
  readonly repeated?: true;
}

export interface RunPage {
  readonly runs: readonly RunSummary[];
  /** Pass as `cursor` for the next page; absent on the last. */
  readonly cursor?: string;
  /** Grows. Where the log has one lane, all up to here is in the list; else of one of them, see `place`. */
  readonly revision: number;
  /** Pass as `after` to follow what comes behind this list. Left out by releases before it. */
  readonly place?: string;
}

/** One event of a run as followers see it. */
export interface RunEventView {
  readonly run: string;
  readonly revision: number;
  /** The event's number within its commit: (revision, n) orders all events of a run. */
  readonly n: number;
  readonly event: RunEvent;
}

export interface EventPage {
  readonly events: readonly RunEventView[];
  /** Pass as `after`: resumes exactly behind the last event of this page. */
  readonly cursor: string;
}

export interface CancelBody {
  /** Made by the client once; retries carry the same. */
  readonly input: string;
  readonly reason?: string;
}

export interface ResolveBody {
  readonly input: string;
  readonly step: string;
  /** The call in question, where the step is an agent's and more than one is. */
  readonly call?: string;
  readonly as: "done" | "failed" | "retry";
  readonly output?: Json;
  readonly message?: string;
}

/** What a run waits for, since when, who holds it, and the command that frees it. */
export interface WhyAnswer {
  readonly run: string;
  readonly status: RunStatus;
  readonly headline: string;
  /** The build that the run began on, and stays on; left out where its history cannot be read. */
  readonly build?: string;
  readonly reasons: readonly WhyReason[];
}

export interface WhyReason {
  /**
   * Stable: `approval`, `no_worker`, `queue_wait`, `backlog`, `running`, `retry_backoff`, `timer`,
   * `max_parallel`, `outcome_unknown`, `failed`, `cancelled`, `incompatible`, `code_broken`, `completed`.
   */
  readonly reason: string;
  /** Of what failed: the failure's code. */
  readonly code?: string;
  readonly step?: string;
  readonly message: string;
  readonly since?: Instant;
  readonly until?: Instant;
  readonly holder?: string;
  /** The one command that frees it or shows more. */
  readonly command?: string;
}

/** A record of an agent step's journal as followers and readers see it. */
export interface JournalView {
  readonly run: string;
  readonly step: string;
  readonly revision: number;
  readonly record: JournalRecord;
}

export interface JournalPage {
  readonly records: readonly JournalView[];
  /** Pass as `after`. Absent when there is no more now. */
  readonly cursor?: string;
}

/** What is told live of a run; never stored. */
export interface LiveView {
  readonly run: string;
  readonly live: LiveMessage;
}
