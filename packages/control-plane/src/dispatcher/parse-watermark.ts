/** Up to where everything was sent, and in which life of the queue. */
export interface Watermark {
  readonly v: 1;
  readonly epoch: string;
  readonly revision: number;
  /** Of one owner among several: the shards it holds for, each with the revision of its owner row. */
  readonly shards?: { readonly [shard: string]: number };
}

/** Undefined when it is not one: everything open is then sent again. */
export function parseWatermark(text: string | undefined): Watermark | undefined {
  if (text === undefined) return undefined;
  try {
    const row: unknown = JSON.parse(text);
    const known = typeof row === "object" && row !== null && "v" in row && row.v === 1;
    if (!known || !("epoch" in row) || typeof row.epoch !== "string") return undefined;
    return "revision" in row && typeof row.revision === "number" ? (row as Watermark) : undefined;
  } catch {
    return undefined;
  }
}
