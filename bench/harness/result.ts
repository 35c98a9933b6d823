/** What one system's measuring leaves in a file, and one sitting of several systems. */
import type { Measured } from "./load.ts";
import type { Growth, W2, W6 } from "./workloads.ts";

export interface Repeat {
  readonly w1?: Measured;
  readonly w2?: W2;
  readonly w3?: Measured;
  readonly w4?: Measured;
  readonly w6?: W6;
}

export interface SystemResult {
  readonly system: string;
  readonly note: string;
  readonly reps: readonly Repeat[];
  readonly w5?: readonly Growth[];
  /** What went wrong, by workload; a workload without figures has its reason here. */
  readonly errors: { readonly [work: string]: string };
}

export interface Fsync {
  readonly p50: number;
  readonly p95: number;
}

export interface Sitting {
  readonly date: string;
  readonly node: string;
  readonly cpus: number;
  /** fdatasync of 350 bytes in milliseconds, before the first system and after the last. */
  readonly fsync: { readonly before: Fsync; readonly after: Fsync };
  readonly results: readonly SystemResult[];
  /** Left out, each with the line that would install what it misses. */
  readonly skipped: readonly { readonly system: string; readonly why: string; readonly install: string }[];
}
