/** Who holds what, for people: `GET /v1/status`. */
import type { Clock } from "@agentflow/host/clock";
import { instant, type NodeView, type Shard } from "@agentflow/protocol";
import type { OwnershipView } from "../ownership.ts";
import type { Members } from "./members.ts";
import type { OwnerRows } from "./owner-rows.ts";
import type { NodeRow } from "./parse-rows.ts";

export function viewOf(of: {
  readonly shards: readonly Shard[];
  readonly rows: OwnerRows;
  readonly members: Members;
  readonly self: NodeRow;
  readonly clock: Clock;
}): OwnershipView {
  const { rows, members, self, clock } = of;
  const counts = new Map<string, number>();
  const shards = of.shards.map((shard) => {
    const row = rows.get(shard);
    const owner = row !== undefined && members.isAlive(row.owner, row.life) ? row.owner : "";
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
    return { shard, owner };
  });
  const view = (row: NodeRow, state: NodeView["state"], quietMs: number): NodeView => {
    const { node, since, seenAt, version } = row;
    return { node, state, shards: counts.get(node) ?? 0, since, seenAt, quietMs, version };
  };
  const others = members.all().flatMap(({ row, changedMs }) => {
    if (row.state === "left") return [];
    const isAlive = members.isAlive(row.node, row.life);
    const state = row.state === "here" ? "live" : "leaving";
    return [view(row, isAlive ? state : "gone", Math.round(clock.monotonic() - changedMs))];
  });
  const seenAt = instant(clock.now());
  const own = view({ ...self, seenAt }, self.state === "here" ? "live" : "leaving", 0);
  return { shards, nodes: [own, ...others].toSorted((a, b) => (a.node < b.node ? -1 : 1)) };
}
