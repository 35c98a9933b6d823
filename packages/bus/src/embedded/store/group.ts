/** What one transaction carries, flat: four slots a write, so that it crosses to a thread as plain values. */

/** Codes of writes, the first slot of each four. */
export const write = {
  /** subject, body, revision expected (-1: any) */
  append: 1,
  /** subject, "", up to this revision */
  purge: 2,
  /** key, value (null: delete), revision expected (-1: any) */
  put: 3,
  /** prefix, "", older than this instant */
  expire: 4,
  /** "", "", keep at most so many bytes */
  shrink: 5,
} as const;

export type FlatGroup = (number | string | null)[];
export const slotsPerWrite = 4;
export const anyRevision = -1;

/**
 * One number a write. Not negative: done, at this revision (of `shrink`: how many records are still to go).
 * Negative: refused, the revision that stands in the way is `standing(n)`.
 */
export type GroupOutcome =
  | { readonly ok: true; readonly atMs: number; readonly results: readonly number[] }
  | { readonly ok: false; readonly full: boolean; readonly message: string; readonly sqlite: number };

export function refused(standingAt: number): number {
  return -standingAt - 1;
}

export function standing(result: number): number {
  return -result - 1;
}
