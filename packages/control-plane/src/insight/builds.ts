/** What an installation knows of its builds, and how much waits for the workers of a pool. */
import { newestOf } from "@agentflow/bus";
import {
  type BuildId,
  type BuildList,
  type BuildView,
  instant,
  parseTaskSubject,
  type PoolDepth,
  type PoolName,
  type TenantId,
  type WorkerView,
} from "@agentflow/protocol";
import type { StatusParts } from "../engine-status.ts";
import { notYet } from "../projector/projector.ts";
import type { OpenOfBuild } from "../projector/read-rows.ts";
import type { Registry } from "../registry/registry.ts";

export interface BuildsParts extends StatusParts {
  readonly registry: Registry;
}

export interface BuildsAsked {
  /** Of one tenant; left out, of all. */
  readonly tenant?: TenantId;
  /** Wait up to a second until the runs are counted up to here. */
  readonly minRevision?: number;
}

/** Runs are counted from the read model: it holds at least `minRevision`, or this is `unavailable`. */
export async function listBuilds(
  parts: BuildsParts,
  { tenant, minRevision, waitMs }: BuildsAsked & { readonly waitMs: number },
): Promise<BuildList> {
  const { projector, store, registry, workers } = parts;
  if (minRevision !== undefined && !(await projector.has(minRevision, waitMs))) throw notYet(minRevision);
  // Read before the rows are: what they hold beyond it is only more.
  const revision = newestOf(projector.position);
  const open = await store.call("openByBuild", { tenant });
  const byDefault = parts.options.tenantDefaults.build;
  const builds = new Map<string, Building>();
  const of = (build: string): Building => {
    const known = builds.get(build) ?? { build, current: new Set<string>(), open: [], workers: [] };
    builds.set(build, known);
    return known;
  };
  for (const { name, build } of registry.namedBuilds(tenant)) of(build ?? byDefault).current.add(name);
  for (const row of open) if (row.build !== undefined) of(row.build).open.push(row);
  for (const worker of workers.listAll(tenant)) if (worker.alive) of(worker.build).workers.push(worker);
  const unreadable = open.filter(({ build }) => build === undefined);
  return {
    items: [...builds.values()].map(viewOf).toSorted(currentFirst),
    default: byDefault,
    unreadable: sum(unreadable.map(({ count }) => count)),
    revision,
  };
}

interface Building {
  readonly build: string;
  readonly current: Set<string>;
  readonly open: OpenOfBuild[];
  readonly workers: WorkerView[];
}

function viewOf({ build, current, open, workers }: Building): BuildView {
  const oldest = open.map((row) => row.oldest).toSorted((a, b) => a.startedAtMs - b.startedAtMs)[0];
  const pools = Map.groupBy(workers, ({ pool }) => pool);
  return {
    build,
    current: [...current].toSorted(),
    openRuns: sum(open.map(({ count }) => count)),
    ...(oldest === undefined ? {} : { oldest: { run: oldest.run, startedAt: instant(oldest.startedAtMs) } }),
    pools: [...pools]
      .map(([pool, own]) => ({
        pool,
        workers: own.length,
        slots: sum(own.map(({ slots }) => slots)),
        busy: sum(own.map(({ busy }) => busy.length)),
      }))
      .toSorted((a, b) => (a.pool < b.pool ? -1 : 1)),
  };
}

function currentFirst(a: BuildView, b: BuildView): number {
  const order = Number(b.current.length > 0) - Number(a.current.length > 0);
  return order === 0 ? (a.build < b.build ? -1 : 1) : order;
}

/** Of all control planes: each tells the others what waits at it. */
export async function poolDepth(
  parts: StatusParts,
  { pool, build }: { readonly pool: PoolName; readonly build?: BuildId },
): Promise<PoolDepth> {
  const { dispatcher, ownership, options, workers } = parts;
  const isMeant = (of: { readonly pool: string; readonly build: string }): boolean =>
    of.pool === pool && (build === undefined || of.build === build);
  const own = dispatcher.depths().filter(({ lane }) => isMeant(lane));
  const others = Object.entries(ownership.othersDemand()).filter(([group]) => {
    const [name = "", of = ""] = group.split(" ");
    return isMeant({ pool: name, build: of });
  });
  const demand =
    sum(own.map(({ lane }) => lane.waiting + lane.outstanding)) + sum(others.map(([, count]) => count));
  const queued = (await options.bus.queue.depth()).filter(({ subject }) => {
    const task = parseTaskSubject(subject);
    return task !== undefined && isMeant(task);
  });
  const running = sum(queued.map(({ leased }) => leased));
  // What the queue holds was counted by an owner, unless that one has just gone.
  const tasks = Math.max(demand, running + sum(queued.map(({ waiting }) => waiting)));
  const serving = workers.listAll(undefined).filter((worker) => worker.alive && isMeant(worker));
  return {
    pool,
    ...(build === undefined ? {} : { build }),
    tasks,
    waiting: Math.max(0, tasks - running),
    running,
    workers: serving.length,
    slots: sum(serving.map(({ slots }) => slots)),
  };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
