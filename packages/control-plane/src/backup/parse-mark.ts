import type { Instant } from "@agentflow/protocol";

export interface RestoreMark {
  readonly v: 1;
  readonly kind: "restore";
  readonly at: Instant;
  /** Of the backup that is being restored. */
  readonly installation: string;
  /** Of the backup's lines: only the same one goes on where a restore was cut off. */
  readonly sha256?: string;
  /** Records that are written, of so many. */
  readonly done?: number;
  readonly total?: number;
  /** Who is at it: made once a restore. */
  readonly by?: string;
}

/** Whatever stands there, something is not whole: what cannot be read is a mark all the same. */
export function parseMark(text: string): RestoreMark {
  const unknown: RestoreMark = { v: 1, kind: "restore", at: "at an unknown time", installation: "unknown" };
  try {
    return { ...unknown, ...(JSON.parse(text) as Partial<RestoreMark>) };
  } catch {
    return unknown;
  }
}
