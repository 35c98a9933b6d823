/** The rows by which control planes share the shards: who is there, and who holds what. */
import { isId, type Shard } from "@agentflow/protocol";

/** `leaving` still answers for what it holds; `left` holds nothing any more, whatever other rows say. */
export type NodeState = "here" | "leaving" | "left";

/** `node.<node>`: written by its node alone, once a third of a lease. */
export interface NodeRow {
  readonly v: 1;
  readonly kind: "node";
  readonly node: string;
  /** Made once a process: what an earlier process of the same name held is free. */
  readonly life: string;
  /** Counts the writes of this life. */
  readonly beat: number;
  readonly state: NodeState;
  /** For people only: nobody's clock is compared with another's. */
  readonly since: string;
  readonly seenAt: string;
  readonly version: string;
  /** Tasks that wait or are out, by pool and build: what its share of the pool's slots is worked out from. */
  readonly demand: { readonly [group: string]: number };
}

/** The queue's life, and up to where the tasks of this shard's commits were with it. */
export interface SentMark {
  readonly epoch: string;
  readonly revision: number;
}

/** `owner.<shard>`: changes only when the shard changes hands. */
export interface OwnerRow {
  readonly v: 1;
  readonly owner: string;
  readonly life: string;
  readonly since: string;
  /** Who held it before, and at which revision of this row: names the watermark that a taker may believe. */
  readonly was?: { readonly node: string; readonly term: number };
  /** Told by an owner that handed it over. */
  readonly sent?: SentMark;
}

export const nodePrefix = "node.";
export const ownerPrefix = "owner.";

export function ownerKey(shard: Shard): string {
  return `${ownerPrefix}${shard}`;
}

/** Undefined for a row that is not about a shard. */
export function shardOfKey(key: string): Shard | undefined {
  const shard = key.slice(ownerPrefix.length);
  return isId("shard", shard) ? shard : undefined;
}

/** Undefined for what this build does not know: such a node is not counted on. */
export function parseNodeRow(text: string): NodeRow | undefined {
  const row = objectOf(text);
  if (row?.["v"] !== 1 || row["kind"] !== "node") return undefined;
  const texts = ["node", "life", "since", "seenAt", "version", "state"];
  if (!texts.every((name) => typeof row[name] === "string") || typeof row["beat"] !== "number") {
    return undefined;
  }
  const demand = typeof row["demand"] === "object" && row["demand"] !== null ? row["demand"] : {};
  return { ...(row as unknown as NodeRow), demand: demand as NodeRow["demand"] };
}

/** Undefined for what this build does not know: such a shard is free. */
export function parseOwnerRow(text: string): OwnerRow | undefined {
  const row = objectOf(text);
  const known = row?.["v"] === 1 && typeof row["owner"] === "string" && typeof row["life"] === "string";
  return known ? (row as unknown as OwnerRow) : undefined;
}

function objectOf(text: string): { readonly [key: string]: unknown } | undefined {
  try {
    const row: unknown = JSON.parse(text);
    return typeof row === "object" && row !== null ? (row as { [key: string]: unknown }) : undefined;
  } catch {
    return undefined;
  }
}
