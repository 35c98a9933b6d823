/** What shares the shards is given, and what it hands over. */
import type { Table } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import type { Shard } from "@agentflow/protocol";
import type { EngineMetrics } from "../../engine-metrics.ts";
import type { NodeRow, OwnerRow, SentMark } from "./parse-rows.ts";
import type { PresenceParts } from "./presence.ts";

/** A shard that fell to this engine, and the row that says so. */
export interface TakenShard {
  readonly shard: Shard;
  readonly term: number;
  readonly row: OwnerRow;
}

/** What an engine does with its shards. */
export interface ShardHands {
  /** What was sent before; asked before the shards are served. */
  prepare(taken: readonly TakenShard[]): Promise<void>;
  /** They are ours from now on; resolves once they are served. */
  serve(taken: readonly TakenShard[]): Promise<void>;
  /** They are not ours any more, but nobody else's yet: lets what is under way come to its end. */
  giveUp(shards: ReadonlySet<Shard>): Promise<ReadonlyMap<Shard, SentMark>>;
  /** They are another's: everything of them is forgotten at once. */
  drop(shards: ReadonlySet<Shard>): void;
}

export interface LeasesParts {
  readonly table: Table;
  readonly world: World;
  readonly guard: PresenceParts["guard"];
  readonly say: Log;
  readonly metrics: EngineMetrics;
  readonly leaseMs: number;
  readonly node: string;
  readonly version: string;
  readonly demand: () => NodeRow["demand"];
  readonly hands: ShardHands;
  /** Another control plane came, went, or has more or less to do. */
  readonly onPeers: () => void;
  /** Rejects while no shard may be served here; asked once the others can see us, and after a lost lease. */
  readonly permit: () => Promise<void>;
}
