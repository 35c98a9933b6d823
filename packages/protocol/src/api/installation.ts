/** Workflows, workers, tools, logs, spans and the state of an installation over the API. */
import type { BuildId } from "../ids.ts";
import type { Instant, JsonSchema } from "../json.ts";
import type { Finding, Plan } from "../plan.ts";
import type { LogRecord, SpanRecord } from "../telemetry.ts";
import type { Callable, LoadProblem, WorkerPresence } from "../worker.ts";
import type { WorkflowDefinition } from "../workflow.ts";

/** Body of `POST /v1/workflows`. */
export interface RegisterBody {
  readonly definition: WorkflowDefinition;
  /** Refuse unless every tool and agent it uses is known (default true). */
  readonly strict?: boolean;
  /** The build that its new runs take from now on; left out, they take what they took before. */
  readonly build?: BuildId;
}

export interface WorkflowSummary {
  readonly name: string;
  readonly version: string;
  readonly plan: string;
  readonly description?: string;
  readonly registeredAt: Instant;
  readonly steps: number;
  /** The project's file that holds it, where that is known. */
  readonly file?: string;
  /** When its file was found gone from the project: it cannot be started until that is put back. */
  readonly removedAt?: Instant;
  /** The build that new runs of it take; absent: the one that the control plane was started with. */
  readonly build?: string;
  readonly input?: JsonSchema;
}

export interface WorkflowView extends WorkflowSummary {
  readonly definition: WorkflowDefinition;
  readonly compiled: Plan;
  readonly findings: readonly Finding[];
  readonly versions: readonly string[];
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor?: string;
}

/** A tool or agent with the workers that can run it now. */
export interface CallableView extends Callable {
  readonly workers: readonly string[];
}

export type WorkerView = WorkerPresence & { readonly alive: boolean };

/** A log or span with its place in the telemetry stream; pass the last cursor as `after`. */
export interface TelemetryPage {
  readonly records: readonly ((LogRecord | SpanRecord) & { readonly tenant: string })[];
  readonly cursor: string;
  /** Records lost before they reached the stream, as far as their senders told. */
  readonly dropped: number;
}

/** Code that does not load on a worker that is alive, and what serves meanwhile. */
export interface BrokenCode {
  readonly worker: string;
  readonly problem: LoadProblem;
  /** The code from before, which goes on serving; absent: nothing can run there until it loads. */
  readonly serving?: string;
}

/** A control plane as the one that was asked sees it. */
export interface NodeView {
  readonly node: string;
  /** `gone`: not heard of for a lease; its shards are taken over. */
  readonly state: "live" | "leaving" | "gone";
  /** How many of the 64 it holds. */
  readonly shards: number;
  readonly since: Instant;
  /** What it said last, by its own clock. */
  readonly seenAt: Instant;
  /** How long ago that was, by the clock of the one that was asked. */
  readonly quietMs: number;
  readonly version: string;
}

/** `GET /v1/status`: one look at the whole installation, or at what is one tenant's own. */
export interface InstallationStatus {
  /** The figures are this tenant's alone; absent for a key with the scope `operator`. */
  readonly tenant?: string;
  readonly version: string;
  readonly installation: string;
  /** `logs`: how many lie side by side; left out by releases that knew one. */
  readonly bus: { readonly kind: string; readonly durability: string; readonly logs?: number };
  readonly startedAt: Instant;
  /** Empty for a tenant: shards are the installation's. `owner` is empty while nobody holds the shard. */
  readonly shards: readonly { readonly shard: string; readonly owner: string }[];
  /** Left out by releases that knew one control plane only. */
  readonly nodes?: readonly NodeView[];
  readonly runs: { readonly [status: string]: number };
  readonly hot: number;
  readonly backlog: readonly {
    readonly pool: string;
    readonly waiting: number;
    readonly outstanding: number;
    readonly slots: number;
  }[];
  /** Approvals that wait for a person; left out by releases that knew none. */
  readonly approvals?: number;
  readonly timers: number;
  readonly workers: number;
  /** Workers whose project code does not load; none when all is well. */
  readonly broken: readonly BrokenCode[];
  readonly deadLetters: number;
  readonly revision: number;
  readonly projectionLagMs: number;
  /** What `/readyz` says; absent where nobody asks, within a process. */
  readonly ready?: {
    readonly ok: boolean;
    readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly reason?: string }[];
  };
}
