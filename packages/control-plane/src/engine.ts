export type * from "./engine-api.ts";
import { AgentFlowError } from "@agentflow/protocol";
import { refuseHalfRestored } from "./backup/mark.ts";
import { Dispatcher } from "./dispatcher/dispatcher.ts";
import { Resends } from "./dispatcher/resends.ts";
import { WatermarkKeeper } from "./dispatcher/watermark.ts";
import type { Engine, EngineOptions } from "./engine-api.ts";
import { engineDefaults } from "./engine-config.ts";
import { createEngineMetrics, registerGauges } from "./engine-metrics.ts";
import { engineStatus } from "./engine-status.ts";
import { HandOn, type RunEnd } from "./orchestrator/hand-on.ts";
import { Orchestrator } from "./orchestrator/orchestrator.ts";
import { ownAll } from "./orchestrator/ownership.ts";
import { Plans } from "./orchestrator/plans.ts";
import { Router } from "./orchestrator/router.ts";
import { RunQueries, type RunQueriesParts } from "./orchestrator/run-queries.ts";
import { Runs } from "./orchestrator/runs.ts";
import { Starts, type StartsParts } from "./orchestrator/starts.ts";
import { Waiters } from "./orchestrator/waiters.ts";
import { Archive } from "./projector/archive.ts";
import { Hub } from "./projector/hub.ts";
import { createLogTail, type LogTail } from "./projector/log-tail.ts";
import { Projector } from "./projector/projector.ts";
import { openReadStore, type ReadStore } from "./projector/read-store.ts";
import { Registry } from "./registry/registry.ts";
import { Workers } from "./registry/workers.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import { Sweep } from "./scheduler/sweep.ts";
import { Telemetry } from "./telemetry/telemetry.ts";

/** Starts an engine on a bus; resolves once what was open is taken up again and its shards are served. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  await refuseHalfRestored(options.bus.table);
  const parts = await buildParts(options);
  try {
    await begin(options, parts);
  } catch (error) {
    // What has begun already would go on: its timers would keep a process alive that has nothing to serve.
    await stop(parts, () => parts.orchestrator.drain()).catch(() => undefined);
    throw error;
  }
  return engineOf(options, parts);
}

async function begin(options: EngineOptions, parts: Parts): Promise<void> {
  const { projector, telemetry, workers, registry, watermark, sweep, router, recovery, resends } = parts;
  await workers.start();
  await registry.start();
  await projector.start();
  await telemetry.start();
  const { sentUpTo, isLost } = await watermark.open();
  if (isLost) resends.begin(sentUpTo);
  else recovery.wasSent = (revision) => revision <= sentUpTo;
  const count = await sweep.recover();
  recovery.wasSent = () => false;
  resends.end();
  if (count > 0) options.log.info("runs taken up again", { runs: count });
  await router.serve();
  const { shards } = parts.ownership;
  options.log.info("shards taken up", { shards: shards.length, owner: options.node, runs: count });
  watermark.start();
  sweep.start();
}

type Parts = Awaited<ReturnType<typeof buildParts>>;

async function buildParts(options: EngineOptions) {
  const { bus, world, node } = options;
  const config = { ...engineDefaults, ...options.config };
  const metrics = createEngineMetrics(options.metrics);
  const say = options.log.child({ component: "engine" });
  const ownership = await ownAll({ bus, world, node });
  const store = openReadStore(options.readModelDir, () => projector.condemn());
  const base = { bus, world, say, config, metrics, log: bus.log, store, skipped: metrics.skipped };
  const tail = createLogTail(bus.log, metrics.skipped);
  const hub = new Hub();
  const archive = new Archive(base);
  const telemetry = new Telemetry(base);
  const projector: Projector = new Projector({
    ...base,
    tail,
    hub,
    refill: () => archive.refill().then(() => telemetry.again()),
    onShorter: (head) => orchestrator.flights.rewind(head),
  });
  const { table } = bus;
  const workers: Workers = new Workers({ ...base, table, onChange: () => dispatcher.slotsChanged() });
  const dispatcher = new Dispatcher({ ...base, queue: bus.queue, slots: workers });
  const plans = new Plans(bus.blobs, config.plansMax);
  const registry = new Registry({ ...base, plans, workers });
  const waiters = new Waiters<RunEnd>(world, config.waitersMax);
  const scheduler: Scheduler = new Scheduler({ world, submit: (ref, input) => handOn.timer(ref, input) });
  const recovery = { wasSent: (_revision: number): boolean => false };
  const resends: Resends = new Resends({
    world,
    workers,
    submit: (ref, input, answer) => router.submit(ref, input, answer),
  });
  const handOn: HandOn = new HandOn({
    ...base,
    resends,
    dispatcher,
    scheduler,
    waiters,
    submit: (ref, input, answer) => router.submit(ref, input, answer),
    wasSent: (revision) => recovery.wasSent(revision),
  });
  const orchestrator: Orchestrator = new Orchestrator({
    ...base,
    plans,
    handOn,
    tail,
    maybeArchived: (ref) => archive.maybeHas(ref),
    isArchived: (ref) => archive.has(ref),
    onParked: ({ tenant, run }, revision, parked) => {
      projector.park({ tenant, run, revision }, { code: parked.reason, message: parked.message });
    },
  });
  const router: Router = new Router({ wire: bus.wire, ownership, orchestrator, config });
  const sweep = new Sweep({ ...base, ownership, orchestrator, dispatcher, scheduler });
  const watermark = new WatermarkKeeper({
    ...base,
    key: `watermark.${ownership.name}`,
    everyMs: config.watermarkEveryMs,
    handedOn: () =>
      Math.min(orchestrator.flights.handedOn(), (dispatcher.oldestUnsent() ?? Number.MAX_VALUE) - 1),
    onNewEpoch: () => resends.tellAll(dispatcher.sendAgain(Number.MAX_VALUE)),
  });
  const parts = { plans, archive, orchestrator, dispatcher, workers, registry, router, waiters };
  const runs = buildRuns({ ...base, ...parts }, { options, hub, tail, projector });
  showGauges(options, { orchestrator, dispatcher, scheduler, waiters, projector });
  const running = { ownership, projector, scheduler, recovery, resends, sweep, watermark, runs, telemetry };
  return { store, ...parts, ...running };
}

function showGauges(
  options: EngineOptions,
  of: {
    readonly orchestrator: Orchestrator;
    readonly dispatcher: Dispatcher;
    readonly scheduler: Scheduler;
    readonly waiters: Waiters<RunEnd>;
    readonly projector: Projector;
  },
): void {
  registerGauges(options.metrics, {
    hotRuns: () => of.orchestrator.hot.size,
    hotBytes: () => of.orchestrator.hot.bytes,
    timers: () => of.scheduler.size,
    waiters: () => of.waiters.size,
    backlog: () => of.dispatcher.waiting,
    outstanding: () => of.dispatcher.outstanding,
    projectionLagMs: () => of.projector.lagMs,
  });
}

type Base = Omit<RunQueriesParts & StartsParts, "build" | "standing"> & {
  readonly store: ReadStore;
  readonly archive: Archive;
};

/** The doors to runs, over parts that stand already. */
function buildRuns(
  base: Base,
  of: { options: EngineOptions; hub: Hub; tail: LogTail; projector: Projector },
): Runs {
  const { bus, world, config, router, archive, store } = base;
  const { hub, tail, projector, options } = of;
  const queries = new RunQueries(base);
  const { build } = options.tenantDefaults;
  const starts = new Starts({ ...base, build, standing: (ref) => queries.standing(ref) });
  const following = { hub, tail, log: bus.log, histories: archive, followersMax: config.followersMax };
  const listing = { store, projector, minRevisionWaitMs: config.minRevisionWaitMs };
  return new Runs({ world, blobs: bus.blobs, router, starts, queries, following, listing });
}

function engineOf(options: EngineOptions, parts: Parts): Engine {
  const startedAtMs = options.world.clock.now();
  let drained: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;
  const drain = (): Promise<void> => (drained ??= parts.orchestrator.drain());
  return {
    runs: parts.runs,
    registry: parts.registry,
    telemetry: parts.telemetry,
    status: (of = {}) => engineStatus({ ...parts, options, startedAtMs }, of.tenant),
    caughtUp: () => parts.projector.caughtUp(),
    ownsShards: () => checkShards(parts),
    retain: (retention) => parts.archive.retain(retention),
    drain,
    stop: () => (stopped ??= stop(parts, drain)),
  };
}

async function checkShards({ router, ownership }: Parts): Promise<void> {
  if (!router.isServing) {
    throw new AgentFlowError("unavailable", "the shards are not served", { reason: "not_serving" });
  }
  await ownership.check();
}

/** Inward: first nothing new, then what is in flight, then what remembers, last what was opened first. */
async function stop(parts: Parts, drain: () => Promise<void>): Promise<void> {
  await parts.sweep.stop();
  await parts.archive.stop();
  await drain();
  await parts.router.stop();
  parts.waiters.close();
  parts.scheduler.stop();
  await parts.dispatcher.stop();
  await parts.watermark.stop();
  await parts.registry.stop();
  await parts.workers.stop();
  await parts.telemetry.stop();
  await parts.projector.stop();
  await parts.store.close();
  await parts.ownership.release().catch(() => undefined);
}
