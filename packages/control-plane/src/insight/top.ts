/** `af top`'s data: what a control plane knows of what goes on now, its own and what all of them tell. */
import type { QueueDepth } from "@agentflow/bus";
import {
  type InstallationTop,
  instant,
  parseTaskSubject,
  type PoolTop,
  type TenantId,
  type WorkerTop,
} from "@agentflow/protocol";
import { countsOf, deadLetters, openApprovals, type StatusParts } from "../engine-status.ts";
import { installationOf } from "../installation-id.ts";
import type { Counters } from "./counters.ts";

export interface TopParts extends StatusParts {
  readonly counters: Counters;
}

export async function engineTop(parts: TopParts, tenant?: TenantId): Promise<InstallationTop> {
  const { options, ownership, store, projector, scheduler } = parts;
  const { bus, world, node, version } = options;
  const { sinceMs, counters, steps } = parts.counters.read(tenant);
  const whole = tenant === undefined;
  const { shards, nodes } = ownership.view();
  const depths = await bus.queue.depth();
  return {
    ...(whole ? {} : { tenant }),
    at: instant(world.clock.now()),
    since: instant(sinceMs),
    node,
    version,
    installation: await installationOf(bus.table, world),
    bus: { kind: bus.kind, durability: bus.durability },
    nodes: whole ? nodes : [],
    shardsWithoutOwner: shards.filter(({ owner }) => owner === "").length,
    projectionLagMs: projector.lagMs,
    runs: await countsOf(store, tenant),
    counters,
    steps,
    pools: poolsOf(parts, { tenant, depths }),
    workers: workersOf(parts, tenant),
    streams: whole ? await bus.sizes() : [],
    approvals: await openApprovals(store, tenant),
    timers: whole ? scheduler.size : scheduler.sizeOf(tenant),
    deadLetters: await deadLetters(options, tenant),
  };
}

function workersOf({ workers }: TopParts, tenant: TenantId | undefined): readonly WorkerTop[] {
  return workers.listAll(tenant).map(({ v: _v, kind: _kind, manifest, problem, ...row }) => ({
    ...row,
    ...(manifest === undefined ? {} : { code: manifest.code }),
    ...(problem === undefined ? {} : { problem: problem.message }),
  }));
}

interface Sum {
  workers: number;
  slots: number;
  demand: number;
  queued: number;
  leased: number;
  tasksEnded: number;
}

function poolsOf(
  parts: TopParts,
  { tenant, depths }: { readonly tenant: TenantId | undefined; readonly depths: readonly QueueDepth[] },
): readonly PoolTop[] {
  const pools = new Map<string, Sum>();
  const of = (pool: string): Sum => {
    const sum = pools.get(pool) ?? { workers: 0, slots: 0, demand: 0, queued: 0, leased: 0, tasksEnded: 0 };
    pools.set(pool, sum);
    return sum;
  };
  for (const { alive, pool, state, slots, tasksEnded = 0 } of parts.workers.listAll(tenant)) {
    if (!alive) continue;
    const sum = of(pool);
    sum.workers++;
    if (state === "ready" || state === "broken") sum.slots += slots;
    sum.tasksEnded += tasksEnded;
  }
  for (const { lane } of parts.dispatcher.depths()) {
    if (tenant === undefined || lane.tenant === tenant)
      of(lane.pool).demand += lane.waiting + lane.outstanding;
  }
  // What the others told is of all tenants together.
  const others = tenant === undefined ? parts.ownership.othersDemand() : {};
  for (const [group, count] of Object.entries(others)) of(group.split(" ")[0] ?? "").demand += count;
  for (const { subject, waiting, leased } of depths) {
    const parsed = parseTaskSubject(subject);
    if (parsed === undefined || (tenant !== undefined && parsed.tenant !== tenant)) continue;
    const sum = of(parsed.pool);
    sum.queued += waiting;
    sum.leased += leased;
  }
  const oldest = parts.dispatcher.oldestWaits(tenant);
  return [...pools]
    .map(([pool, { workers, slots, demand, queued, leased, tasksEnded }]) => {
      const oldestWaitMs = oldest.get(pool);
      // Whoever has it leased is at it; what the owners count beside that waits, in the log or in the queue.
      const waiting = Math.max(queued, demand - leased, 0);
      const wait = oldestWaitMs === undefined ? {} : { oldestWaitMs };
      return { pool, workers, slots, busy: leased, waiting, tasksEnded, ...wait };
    })
    .toSorted((a, b) => (a.pool < b.pool ? -1 : 1));
}
