/** Who holds what, for people: `GET /v1/status`. */
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
  readonly nowMs: number;
}): OwnershipView {
  const { rows, members, self, nowMs } = of;
  const counts = new Map<string, number>();
  const shards = of.shards.map((shard) => {
    const row = rows.get(shard);
    const owner = row !== undefined && members.isAlive(row.owner, row.life) ? row.owner : "";
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
    return { shard, owner };
  });
  const view = (row: NodeRow, state: NodeView["state"]): NodeView => {
    const { node, since, seenAt, version } = row;
    return { node, state, shards: counts.get(node) ?? 0, since, seenAt, version };
  };
  const others = members.all().flatMap(({ row }) => {
    if (row.state === "left") return [];
    const isAlive = members.isAlive(row.node, row.life);
    return [view(row, isAlive ? (row.state === "here" ? "live" : "leaving") : "gone")];
  });
  const own = view({ ...self, seenAt: instant(nowMs) }, self.state === "here" ? "live" : "leaving");
  return { shards, nodes: [own, ...others].toSorted((a, b) => (a.node < b.node ? -1 : 1)) };
}
