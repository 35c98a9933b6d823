/** Builds side by side: which take new runs, which have some left, and what waits for workers of a pool. */
import type { Instant } from "../json.ts";

/** One build, as `GET /v1/builds` shows it. */
export interface BuildView {
  readonly build: string;
  /** Workflows whose new runs take it, those whose registration named no build among them. */
  readonly current: readonly string[];
  /** Runs that began on it and have not ended, those that are parked among them. */
  readonly openRuns: number;
  readonly oldest?: { readonly run: string; readonly startedAt: Instant };
  /** Who works for it now. */
  readonly pools: readonly {
    readonly pool: string;
    readonly workers: number;
    readonly slots: number;
    /** What they are at. */
    readonly busy: number;
  }[];
}

export interface BuildList {
  /** Those with workflows, runs or workers: what takes new runs first. */
  readonly items: readonly BuildView[];
  /** The build of runs whose workflow was registered without one. */
  readonly default: string;
  /** Open runs whose start cannot be read by this release: nobody knows which build they need. */
  readonly unreadable: number;
  /** How far the list is: a start that was answered with this revision, or one below it, is counted. */
  readonly revision: number;
}

/** `GET /v1/pools/{pool}/depth`, of the whole installation: made for whoever scales its workers. */
export interface PoolDepth {
  readonly pool: string;
  /** Left out: of every build. */
  readonly build?: string;
  /** Tasks that wait in the log or in the queue, and those that workers have: as many slots are wanted. */
  readonly tasks: number;
  readonly waiting: number;
  readonly running: number;
  readonly workers: number;
  readonly slots: number;
}
