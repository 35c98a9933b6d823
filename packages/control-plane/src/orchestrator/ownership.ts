import type { Bus } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import { AgentFlowError, type Shard } from "@agentflow/protocol";
import { parseOwner } from "./parse-owner.ts";
import { allShards } from "./shard.ts";

/** Which shards this engine serves. Leases spare work; the fence of the log guards truth. */
export interface Ownership {
  /** Names the slice in Table: `owner.<name>`, `watermark.<name>`. */
  readonly name: string;
  readonly shards: readonly string[];
  owns(shard: Shard): boolean;
  ownerOf(shard: string): string;
  /** Resolves while the rows say that the shards are ours; else `unavailable`, with a word that says why. */
  check(): Promise<void>;
  release(): Promise<void>;
}

/**
 * All 64 shards, without a lease to renew: for buses with one owner at a time, whose adapter keeps a second
 * owner out. The row says who it is.
 */
export async function ownAll(parts: { bus: Bus; world: World; node: string }): Promise<Ownership> {
  const { bus, node, world } = parts;
  const since = new Date(world.clock.now()).toISOString();
  const key = "owner.all";
  const taken = await bus.table.put(key, JSON.stringify({ v: 1, owner: node, since }), { expect: "any" });
  if (!taken.ok) throw new AgentFlowError("unavailable", "the shards could not be taken over");
  return {
    name: "all",
    shards: allShards,
    owns: () => true,
    ownerOf: () => node,
    async check() {
      const owner = parseOwner((await bus.table.get(key))?.value);
      if (owner !== node) throw notOurs(owner);
    },
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
