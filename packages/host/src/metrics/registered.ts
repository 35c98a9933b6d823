/** What is counted, as plain numbers: what the exporter reads. */
import type { Series } from "./labels.ts";

export interface Counted {
  value: number;
}

/** Plain arrays: an observation is a short search and two additions. */
export interface Observed {
  /** Not cumulative; one longer than the bounds. */
  readonly counts: Float64Array;
  sum: number;
}

/** What the exporter reads. */
export type Registered =
  | (Common<Counted> & { readonly kind: "counter" })
  | (Common<Counted> & { readonly kind: "gauge"; readonly read: (() => number) | undefined })
  | (Common<Observed> & { readonly kind: "histogram"; readonly buckets: readonly number[] });

export interface Common<Cell> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly series: Series<Cell>;
}
