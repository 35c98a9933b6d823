/** What an embedded bus has to tell of itself beside its answers: rare things, for whoever writes logs. */
import type { StoreName } from "./store/backend.ts";

export type BusNote =
  /** The owner before ended without closing; its state was taken over as it lay there. */
  | { readonly kind: "taken_over"; readonly pid: number }
  /** The file of logs and spans was damaged: it was set aside under another name, and another one begun. */
  | { readonly kind: "telemetry_set_aside"; readonly path: string; readonly message: string }
  /** Commits that took over `slowCommitMs` since the last note of this kind. */
  | {
      readonly kind: "slow_commits";
      readonly store: StoreName;
      readonly count: number;
      readonly worstMs: number;
    }
  | {
      readonly kind: "commit_failed";
      readonly store: StoreName;
      readonly message: string;
      readonly full: boolean;
    }
  | { readonly kind: "commits_again"; readonly store: StoreName; readonly failed: number }
  /** Pushes that found the queue full since the last note of this kind. */
  | { readonly kind: "queue_full"; readonly tasks: number; readonly refused: number }
  /** A task that was out and goes to somebody else: its lease ran out, or its holder is gone. */
  | {
      readonly kind: "redelivered";
      readonly id: string;
      readonly holder: string;
      readonly why: RedeliveryCause;
    }
  | {
      readonly kind: "dead_letter";
      readonly id: string;
      readonly reason: string;
      readonly deliveries: number;
    };

export type RedeliveryCause = "lease_ran_out" | "holder_gone";

export type TakeNote = (note: BusNote) => void;

export const noteLimits = {
  slowCommitMs: 250,
  /** What happens over and over is told once in so long, with its count. */
  everyMs: 10_000,
  /** Tasks of one holder that are told one by one; the rest of a burst is left out. */
  redeliveriesPerBurst: 50,
} as const;

/** Gathers what happens often: the first is told at once, the rest as a sum, at most once a while. */
export class Tally {
  #count = 0;
  #worst = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** The sum to tell now, or undefined while it is too early. */
  add(size: number, nowMs: number): { readonly count: number; readonly worst: number } | undefined {
    this.#count++;
    this.#worst = Math.max(this.#worst, size);
    if (nowMs - this.#toldAt < noteLimits.everyMs) return undefined;
    const sum = { count: this.#count, worst: this.#worst };
    [this.#count, this.#worst, this.#toldAt] = [0, 0, nowMs];
    return sum;
  }
}
