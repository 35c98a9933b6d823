/** Who should hold which shard: worked out by every node from the same rows, so that they seldom disagree. */
import type { Shard } from "@agentflow/protocol";

export interface ShardPlanInput {
  readonly shards: readonly Shard[];
  /** Nodes that live and mean to stay. */
  readonly nodes: readonly string[];
  /** Who holds a shard now, whether it is one of the nodes or not. */
  readonly holderOf: (shard: Shard) => string | undefined;
}

/**
 * Each node its fair share, moving as few shards as can be: who holds most may keep the odd ones. Empty when
 * there is no node.
 */
export function planShards({ shards, nodes, holderOf }: ShardPlanInput): ReadonlyMap<Shard, string> {
  const held = new Map<string, Shard[]>(nodes.map((node) => [node, []]));
  const free: Shard[] = [];
  for (const shard of shards) {
    const holder = holderOf(shard);
    (holder === undefined ? free : (held.get(holder) ?? free)).push(shard);
  }
  const order = [...held].toSorted(([a, ofA], [b, ofB]) => ofB.length - ofA.length || (a < b ? -1 : 1));
  const plan = new Map<Shard, string>();
  const short: { readonly node: string; lacks: number }[] = [];
  const least = Math.floor(shards.length / Math.max(1, nodes.length));
  const odd = shards.length - least * nodes.length;
  for (const [place, [node, own]] of order.entries()) {
    const share = place < odd ? least + 1 : least;
    for (const shard of own.slice(0, share)) plan.set(shard, node);
    free.push(...own.slice(share));
    if (own.length < share) short.push({ node, lacks: share - own.length });
  }
  free.sort();
  for (const one of short) for (const shard of free.splice(0, one.lacks)) plan.set(shard, one.node);
  return plan;
}
