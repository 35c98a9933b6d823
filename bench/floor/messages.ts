/** What the three parts of the floor say to each other. */

/** Control to worker: add one to `value`. And back: it is done. */
export type StepMessage = readonly [id: number, value: number];

export interface LogRow {
  readonly run: string;
  readonly body: string;
}

/** A finished run, as a list would show it. */
export interface ProjectionRow {
  readonly run: string;
  readonly kind: string;
  readonly status: string;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Control to writer. Rows are answered by their id once all are on disk; a projection is not answered. */
export type WriterMessage =
  | { readonly id: number; readonly rows: readonly LogRow[] }
  | { readonly projection: readonly ProjectionRow[] };
