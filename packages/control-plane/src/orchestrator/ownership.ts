import type { AgentFlowError, NodeView, Shard } from "@agentflow/protocol";
import type { LeaseStanding } from "./shards/presence.ts";

/** Which shards this engine serves. Leases spare work; the fence of the log guards truth. */
export interface Ownership {
  /** Names the watermark: `watermark.<name>`. */
  readonly name: string;
  /** Asked for each input: a lookup. */
  owns(shard: Shard): boolean;
  /** The shards that are served here now. */
  readonly shards: readonly Shard[];
  readonly standing: LeaseStanding;
  /** Why the lease is lost, where the bus said so: what asks in vain for an owner is told that. */
  readonly trouble?: AgentFlowError | undefined;
  /**
   * By the clock nobody else can hold what is held here. Whoever slept wakes with answers in hand before it
   * hears that its lease is over.
   */
  readonly isSure: boolean;
  /** Resolves while what is held here is ours; else `unavailable`, with a word that says why. */
  check(): Promise<void>;
  /** How much of `total` falls to this engine, which could use `own` of it. */
  share(group: string, of: { readonly own: number; readonly total: number }): number;
  /** Tasks that wait or are out at the other owners, by pool and build, as they told last. */
  othersDemand(): { readonly [group: string]: number };
  view(): OwnershipView;
  /** Begins to see the others; acts on nothing yet. */
  look(): Promise<void>;
  /** Takes the first shards; resolves once they are served. */
  start(): Promise<void>;
  /** Hands what it holds to the others, if there are any. */
  leave(): Promise<void>;
  release(): Promise<void>;
}

export interface OwnershipView {
  readonly shards: readonly { readonly shard: string; readonly owner: string }[];
  readonly nodes: readonly NodeView[];
}
