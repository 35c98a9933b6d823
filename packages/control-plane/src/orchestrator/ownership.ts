import type { Bus } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import { AgentFlowError, instant, type NodeView, parseId, type Shard } from "@agentflow/protocol";
import { parseOwner } from "./parse-owner.ts";
import { allShards } from "./shard.ts";
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
  /**
   * By the clock nobody else can hold what is held here. Whoever slept wakes with answers in hand before it
   * hears that its lease is over.
   */
  readonly isSure: boolean;
  /** Resolves while what is held here is ours; else `unavailable`, with a word that says why. */
  check(): Promise<void>;
  /** How much of `total` falls to this engine, which could use `own` of it. */
  share(group: string, of: { readonly own: number; readonly total: number }): number;
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

/**
 * All 64 shards, without a lease to renew: for buses with one owner at a time, whose adapter keeps a second
 * owner out. The row says who it is.
 */
export async function ownAll(parts: {
  bus: Bus;
  world: World;
  node: string;
  version: string;
}): Promise<Ownership> {
  const { bus, node, world, version } = parts;
  const since = instant(world.clock.now());
  const key = "owner.all";
  const taken = await bus.table.put(key, JSON.stringify({ v: 1, owner: node, since }), { expect: "any" });
  if (!taken.ok) throw new AgentFlowError("unavailable", "the shards could not be taken over");
  const shards = allShards.map((shard) => parseId("shard", shard));
  return {
    name: "all",
    shards,
    standing: "held",
    isSure: true,
    owns: () => true,
    async check() {
      const owner = parseOwner((await bus.table.get(key))?.value);
      if (owner !== node) throw notOurs(owner);
    },
    share: (_group, { total }) => total,
    view: () => ({
      shards: shards.map((shard) => ({ shard, owner: node })),
      nodes: [
        {
          node,
          state: "live",
          shards: shards.length,
          since,
          seenAt: instant(world.clock.now()),
          quietMs: 0,
          version,
        },
      ],
    }),
    look: async () => undefined,
    start: async () => undefined,
    leave: async () => undefined,
    release: async () => {
      await bus.table.delete(key, { expect: taken.revision });
    },
  };
}

function notOurs(owner: string | undefined): AgentFlowError {
  const [message, reason] =
    owner === undefined
      ? ["no row says who owns the shards", "no_owner"]
      : [`the shards are owned by ${owner}`, "other_owner"];
  return new AgentFlowError("unavailable", message, { reason });
}
