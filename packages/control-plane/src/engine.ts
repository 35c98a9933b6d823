export type * from "./engine-api.ts";
import { laneOfShard } from "@agentflow/bus";
import { AgentFlowError, instant } from "@agentflow/protocol";
import { checkBus } from "./bus-check.ts";
import { refuseHalfRestored } from "./backup/mark.ts";
import type { Engine, EngineObserver, EngineOptions } from "./engine-api.ts";
import { listBuilds, poolDepth } from "./insight/builds.ts";
import { type BusView, createBusView } from "./insight/bus-view.ts";
import { Counters } from "./insight/counters.ts";
import { engineTop } from "./insight/top.ts";
import { registerGauges } from "./engine-metrics.ts";
import { buildParts, type EngineParts } from "./engine-parts.ts";
import { engineStatus } from "./engine-status.ts";
import { People } from "./orchestrator/people.ts";
import { RunQueries } from "./orchestrator/run-queries.ts";
import { type Ask, Runs } from "./orchestrator/runs.ts";
import { Starts } from "./orchestrator/starts.ts";

/**
 * Starts an engine on a bus. Alone: resolves once what was open is taken up again and its shards are served.
 * As one of several: once the shards that are free are served here, which may be none.
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  await refuseHalfRestored(options.bus);
  const parts = await buildParts(options);
  try {
    await begin(options, parts);
  } catch (error) {
    // What has begun already would go on: its timers would keep a process alive that has nothing to serve.
    await stop(parts, () => drainParts(parts)).catch(() => undefined);
    throw error;
  }
  return engineOf(options, parts);
}

async function begin(options: EngineOptions, parts: EngineParts): Promise<void> {
  const { guard, projector, telemetry, workers, registry, watermark, sweep, ownership } = parts;
  await guard.open();
  // Again, now that whoever would restore sees us.
  if (!parts.isShared) await refuseHalfRestored(options.bus);
  await ownership.look();
  await workers.start();
  await registry.start();
  await projector.start();
  await telemetry.start();
  parts.foreign.begin();
  if (parts.isShared) {
    await watermark.open();
    await ownership.start();
  } else await recoverAll(options, parts);
  watermark.start();
  sweep.start();
  showGauges(options, parts);
}

/** The only owner: everything that is open is its own. */
async function recoverAll({ log, node }: EngineOptions, parts: EngineParts): Promise<void> {
  await parts.ownership.start();
  const { watermark, recovery, resends, sweep, router, ownership } = parts;
  const { sentUpTo, isLost } = await watermark.open();
  const { shards } = ownership;
  for (const shard of shards) {
    const sent = sentUpTo[laneOfShard(shard, sentUpTo.length)] ?? 0;
    recovery.begin(shard, { term: 0, sentUpTo: isLost ? 0 : sent });
  }
  if (isLost) resends.begin(shards, sentUpTo);
  const count = (await sweep.recover(() => true)) ?? 0;
  for (const shard of shards) recovery.end(shard);
  resends.end(shards);
  if (count > 0) log.info("runs taken up again", { runs: count });
  await router.serve(shards);
  log.info("shards taken up", { shards: shards.length, owner: node, runs: count });
}

function showGauges(options: EngineOptions, parts: EngineParts): void {
  const { orchestrator, dispatcher, scheduler, waiters, projector, ownership } = parts;
  registerGauges(options.metrics, {
    hotRuns: () => orchestrator.hot.size,
    hotBytes: () => orchestrator.hot.bytes,
    timers: () => scheduler.size,
    waiters: () => waiters.size,
    backlog: () => dispatcher.waiting,
    outstanding: () => dispatcher.outstanding,
    approvalsOpen: () => projector.openApprovals,
    projectionLagMs: () => projector.lagMs,
    shardsHeld: () => ownership.shards.length,
    shardsFree: () => ownership.view().shards.filter(({ owner }) => owner === "").length,
    nodesAlive: () => ownership.view().nodes.filter(({ state }) => state === "live").length,
  });
}

/** The doors to runs, over parts that stand already. */
function buildRuns(options: EngineOptions, parts: EngineParts): { runs: Runs; people: People; bus: BusView } {
  const { base, router, door, archive, projector } = parts;
  const { bus, world, config, store } = base;
  const { build } = options.tenantDefaults;
  const queries = new RunQueries({ ...base, ...parts });
  const starts = new Starts({ ...base, ...parts, build, standing: (ref) => queries.standing(ref) });
  const { followersMax } = config;
  const following = { ...parts, log: bus.log, histories: archive, journals: archive, followersMax };
  const listing = { store, projector, lanes: bus.log.lanes, minRevisionWaitMs: config.minRevisionWaitMs };
  const runs = new Runs({ world, blobs: bus.blobs, router, door, starts, queries, following, listing });
  const ask: Ask = (tenant, run, input) => runs.ask(tenant, run, input);
  const people = new People({ store, queries, ask, now: () => instant(world.clock.now()) });
  const view = createBusView({
    bus,
    log: bus.log,
    queue: bus.queue,
    world,
    hidden: base.hidden,
    plans: parts.plans,
    workers: parts.workers,
    histories: archive,
    submit: (tenant, run, input) => runs.submit(tenant, run, input),
  });
  return { runs, people, bus: view };
}

function engineOf(options: EngineOptions, parts: EngineParts): Engine {
  const startedAtMs = options.world.clock.now();
  const counters = new Counters({ hub: parts.hub, world: options.world });
  let drained: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;
  const drain = (): Promise<void> => (drained ??= drainParts(parts));
  return {
    ...buildRuns(options, parts),
    registry: parts.registry,
    telemetry: parts.telemetry,
    status: (of = {}) => engineStatus({ ...parts, store: parts.base.store, options, startedAtMs }, of.tenant),
    checkBus: () => checkBus(options.bus.table, options.world),
    top: (of = {}) =>
      engineTop({ ...parts, store: parts.base.store, options, startedAtMs, counters }, of.tenant),
    builds: (of = {}) => {
      const { minRevisionWaitMs: waitMs } = parts.base.config;
      const { registry } = parts;
      const known = { ...parts, registry, store: parts.base.store, options, startedAtMs };
      return listBuilds(known, { ...of, waitMs });
    },
    poolDepth: (of) => poolDepth({ ...parts, store: parts.base.store, options, startedAtMs }, of),
    lanes: options.bus.log.lanes,
    get trouble() {
      return parts.guard.trouble;
    },
    get lease() {
      return parts.ownership.standing;
    },
    get shards() {
      return parts.ownership.shards;
    },
    caughtUp: () => parts.projector.caughtUp(),
    ownsShards: () => checkShards(parts),
    retain: (retention) => parts.archive.retain(retention),
    archive: (which) => parts.archive.now(which),
    observe: (observer) => observe(parts, observer),
    drain,
    stop: () => {
      counters.stop();
      return (stopped ??= stop(parts, drain));
    },
  };
}

function observe({ telemetry, hub }: EngineParts, { onSpan, onRunEnd }: EngineObserver): () => void {
  const stops: (() => void)[] = [];
  if (onSpan !== undefined) {
    stops.push(telemetry.tap((record) => void (record.kind === "span" && onSpan(record.tenant, record))));
  }
  if (onRunEnd !== undefined) {
    const tap = hub.tap(({ tenant, run, parsed }) => {
      if (parsed.ok && parsed.commit.events.some(({ kind }) => runEnds.has(kind))) onRunEnd(tenant, run);
    });
    stops.push(tap);
  }
  return () => stops.forEach((stop) => stop());
}

const runEnds: ReadonlySet<string> = new Set(["run_completed", "run_failed", "run_cancelled"]);

async function checkShards({ router, ownership }: EngineParts): Promise<void> {
  await ownership.check();
  if (ownership.shards.length > 0 && !router.isServing) {
    throw new AgentFlowError("unavailable", "the shards are not served", { reason: "not_serving" });
  }
}

/** Nothing new, peers take over, and what is in flight comes to its end. */
async function drainParts({ ownership, router, orchestrator }: EngineParts): Promise<void> {
  router.close();
  await ownership.leave();
  await orchestrator.drain();
}

/** Inward: first nothing new, then what is in flight, then what remembers, last what was opened first. */
async function stop(parts: EngineParts, drain: () => Promise<void>): Promise<void> {
  await parts.sweep.stop();
  await parts.live.stop();
  await parts.archive.stop();
  await drain();
  await parts.router.stop();
  parts.waiters.close();
  parts.scheduler.stop();
  await parts.dispatcher.stop();
  await parts.watermark.stop();
  await parts.ownership.release().catch(() => undefined);
  const kept = parts.keeper.stop();
  await parts.registry.stop();
  await parts.workers.stop();
  await parts.telemetry.stop();
  await parts.projector.stop();
  // Whoever takes runs up waits for the read model, which has just let go of all who wait.
  await kept;
  await parts.base.store.close();
}
