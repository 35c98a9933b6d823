/** `GET /v1/top`: what goes on now, in numbers from which whoever asks twice works out rates. */
import type { Instant } from "../json.ts";
import type { WorkerPresence } from "../worker.ts";
import type { NodeView } from "./installation.ts";

export interface InstallationTop {
  /** The figures are this tenant's alone; absent for a key with the scope `operator`. */
  readonly tenant?: string;
  /** By the clock of the control plane that answered. */
  readonly at: Instant;
  /** The one that answered, and since when it counts: another since means that counting began anew. */
  readonly node: string;
  readonly since: Instant;
  readonly version: string;
  readonly installation: string;
  readonly bus: { readonly kind: string; readonly durability: string };
  /** Empty for a tenant. */
  readonly nodes: readonly NodeView[];
  readonly shardsWithoutOwner: number;
  readonly projectionLagMs: number;
  readonly runs: { readonly [status: string]: number };
  readonly counters: TopCounters;
  readonly steps: StepLatency;
  readonly pools: readonly PoolTop[];
  readonly workers: readonly WorkerTop[];
  /** Empty for a tenant: streams are the installation's. */
  readonly streams: readonly StreamTop[];
  readonly approvals: number;
  readonly timers: number;
  readonly deadLetters: number;
}

/** Totals since `since`, over the runs of all control planes; they only grow. */
export interface TopCounters {
  readonly runsStarted: number;
  readonly runsCompleted: number;
  readonly runsFailed: number;
  readonly runsCancelled: number;
  readonly stepsSucceeded: number;
  readonly attemptsFailed: number;
}

/** From a step's dispatch to its success, of the newest ones that were seen here. */
export interface StepLatency {
  readonly samples: number;
  readonly p50Ms?: number;
  readonly p95Ms?: number;
}

export interface PoolTop {
  readonly pool: string;
  readonly workers: number;
  readonly slots: number;
  /** Tasks that workers say they are at. */
  readonly busy: number;
  /** Tasks that were committed and that no worker has begun. */
  readonly waiting: number;
  /** The longest that one of them has waited, of those in the shards of the control plane that answered. */
  readonly oldestWaitMs?: number;
  /** Tasks that its living workers have ended. */
  readonly tasksEnded: number;
}

/** A worker as it said last; without what it can run. */
export interface WorkerTop extends Omit<WorkerPresence, "v" | "kind" | "manifest" | "problem"> {
  readonly alive: boolean;
  readonly code?: string;
  /** Why its code does not load. */
  readonly problem?: string;
}

export interface StreamTop {
  readonly stream: string;
  readonly messages?: number;
  readonly bytes?: number;
}
