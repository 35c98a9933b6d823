import { fromJson, type Position, toJson } from "@agentflow/bus";

/** Up to where everything was sent, and in which life of the queue. */
export interface Watermark {
  readonly epoch: string;
  readonly sent: Position;
  /** Of one owner among several: the shards it holds for, each with the revision of its owner row. */
  readonly shards?: { readonly [shard: string]: number };
}

export function showWatermark({ epoch, sent, shards }: Watermark): string {
  return JSON.stringify({ v: 1, epoch, revision: toJson(sent), ...(shards === undefined ? {} : { shards }) });
}

/** Undefined when it is not one of a log with so many lanes: everything open is then sent again. */
export function parseWatermark(text: string | undefined, lanes: number): Watermark | undefined {
  if (text === undefined) return undefined;
  try {
    const row: unknown = JSON.parse(text);
    const known = typeof row === "object" && row !== null && "v" in row && row.v === 1;
    if (!known || !("epoch" in row) || typeof row.epoch !== "string" || !("revision" in row))
      return undefined;
    const sent = fromJson(row.revision, lanes);
    if (sent === undefined) return undefined;
    const shards = "shards" in row ? (row.shards as Watermark["shards"]) : undefined;
    return { epoch: row.epoch, sent, ...(shards === undefined ? {} : { shards }) };
  } catch {
    return undefined;
  }
}
