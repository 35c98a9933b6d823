import { newestOf } from "@agentflow/bus";
import { type InstallationStatus, type TenantId, instant, prefixes } from "@agentflow/protocol";
import type { Dispatcher } from "./dispatcher/dispatcher.ts";
import type { EngineOptions } from "./engine-api.ts";
import { installationOf } from "./installation-id.ts";
import type { Orchestrator } from "./orchestrator/orchestrator.ts";
import type { Ownership } from "./orchestrator/ownership.ts";
import type { Projector } from "./projector/projector.ts";
import type { ReadStore } from "./projector/read-store.ts";
import type { Scheduler } from "./scheduler/scheduler.ts";
import type { Workers } from "./registry/workers.ts";

export interface StatusParts {
  readonly options: EngineOptions;
  readonly startedAtMs: number;
  readonly ownership: Ownership;
  readonly store: ReadStore;
  readonly projector: Projector;
  readonly orchestrator: Orchestrator;
  readonly dispatcher: Dispatcher;
  readonly scheduler: Scheduler;
  readonly workers: Workers;
}

/** One look at everything that the engine knows of itself, or at what of it is one tenant's own. */
export async function engineStatus(parts: StatusParts, tenant?: TenantId): Promise<InstallationStatus> {
  const { bus, version } = parts.options;
  const { ownership, store, projector, orchestrator, scheduler, workers } = parts;
  return {
    ...(tenant === undefined ? {} : { tenant }),
    version,
    installation: await installationOf(bus.table, parts.options.world),
    bus: { kind: bus.kind, durability: bus.durability, logs: bus.log.lanes },
    startedAt: instant(parts.startedAtMs),
    ...(tenant === undefined ? ownership.view() : { shards: [] }),
    runs: await countsOf(store, tenant),
    hot: tenant === undefined ? orchestrator.hot.size : orchestrator.hot.sizeOf(tenant),
    backlog: backlogOf(parts.dispatcher, tenant),
    approvals: await openApprovals(store, tenant),
    timers: tenant === undefined ? scheduler.size : scheduler.sizeOf(tenant),
    workers: tenant === undefined ? workers.size : workers.sizeOf(tenant),
    broken: workers.broken(tenant),
    deadLetters: await deadLetters(parts.options, tenant),
    revision: newestOf(projector.position),
    projectionLagMs: projector.lagMs,
  };
}

export async function countsOf(
  store: ReadStore,
  tenant: TenantId | undefined,
): Promise<{ readonly [status: string]: number }> {
  const sums = new Map<string, number>();
  for (const row of await store.call("counts", undefined)) {
    if (tenant !== undefined && row.tenant !== tenant) continue;
    sums.set(row.status, (sums.get(row.status) ?? 0) + row.count);
  }
  return Object.fromEntries(sums);
}

export async function openApprovals(store: ReadStore, tenant: TenantId | undefined): Promise<number> {
  const counts = await store.call("openApprovals", undefined);
  const own = tenant === undefined ? counts : counts.filter((row) => row.tenant === tenant);
  return own.reduce((sum, { count }) => sum + count, 0);
}

function backlogOf(dispatcher: Dispatcher, tenant: TenantId | undefined): InstallationStatus["backlog"] {
  const pools = new Map<string, { pool: string; waiting: number; outstanding: number; slots: number }>();
  for (const { lane, slots } of dispatcher.depths()) {
    if (tenant !== undefined && lane.tenant !== tenant) continue;
    const sum = pools.get(lane.pool) ?? { pool: lane.pool, waiting: 0, outstanding: 0, slots: 0 };
    sum.waiting += lane.waiting;
    sum.outstanding += lane.outstanding;
    sum.slots += slots;
    pools.set(lane.pool, sum);
  }
  return [...pools.values()];
}

const countMax = 10_000;

/** Counted by reading them, up to a bound: they are few, or something is badly wrong. */
export async function deadLetters({ bus }: EngineOptions, tenant: TenantId | undefined): Promise<number> {
  const head = await bus.log.head(prefixes.dead);
  if (head === 0) return 0;
  const stop = new AbortController();
  let [count, seen] = [0, 0];
  const wanted = tenant === undefined ? prefixes.dead : prefixes.deadOf(tenant);
  for await (const batch of bus.log.tail({ filter: [prefixes.dead], after: 0, signal: stop.signal })) {
    seen += batch.length;
    count += batch.filter(({ subject }) => subject.startsWith(wanted)).length;
    if (seen >= countMax || (batch.at(-1)?.revision ?? head) >= head) stop.abort();
  }
  return count;
}
