/** The parts of an engine, made and joined: what reads the log, and what decides and writes. */
import { type Bus, lower, type Position } from "@agentflow/bus";
import { parseId } from "@agentflow/protocol";
import { refuseHalfRestored } from "./backup/mark.ts";
import { Dispatcher } from "./dispatcher/dispatcher.ts";
import { Resends } from "./dispatcher/resends.ts";
import { watermarkKey, WatermarkKeeper } from "./dispatcher/watermark.ts";
import type { EngineOptions } from "./engine-api.ts";
import { engineDefaults } from "./engine-config.ts";
import { countModel, createEngineMetrics } from "./engine-metrics.ts";
import { Foreign } from "./orchestrator/foreign.ts";
import { whyNot } from "./orchestrator/admission.ts";
import { InstallationGuard } from "./installation-guard.ts";
import { FairDoor } from "./orchestrator/fair-door.ts";
import { HandOn, type RunOutcome } from "./orchestrator/hand-on.ts";
import { Orchestrator } from "./orchestrator/orchestrator.ts";
import { ownAll, refuseAllOwned } from "./orchestrator/own-all.ts";
import type { Ownership } from "./orchestrator/ownership.ts";
import { Plans } from "./orchestrator/plans.ts";
import { choresShard, shardOf } from "./orchestrator/shard.ts";
import { type Mismatch, Router } from "./orchestrator/router.ts";
import { Leases } from "./orchestrator/shards/leases.ts";
import { Recovery } from "./orchestrator/shards/recovery.ts";
import { ShardKeeper } from "./orchestrator/shards/shard-keeper.ts";
import type { RunRef } from "./orchestrator/run-ref.ts";
import { Waiters } from "./orchestrator/waiters.ts";
import { Archive } from "./projector/archive.ts";
import { Hub } from "./projector/hub.ts";
import { liveLimits, LiveRuns } from "./projector/live/live-runs.ts";
import { createLogTail } from "./projector/log-tail.ts";
import { Projector } from "./projector/projector.ts";
import { type OnRefusedCall, RefusedCalls } from "./projector/refused-calls.ts";
import { openReadStore } from "./projector/read-store.ts";
import { Registry } from "./registry/registry.ts";
import { Workers } from "./registry/workers.ts";
import { Scheduler } from "./scheduler/scheduler.ts";
import { Sweep } from "./scheduler/sweep.ts";
import { Telemetry } from "./telemetry/telemetry.ts";

export type EngineParts = Awaited<ReturnType<typeof buildParts>>;

export async function buildParts(options: EngineOptions) {
  const { bus, node, version } = options;
  const base = basicsOf(options, () => reading.projector.condemn());
  const { guard } = base;
  const isShared = options.ownership === "leases";
  const ownership: Ownership = isShared
    ? new Leases({
        ...base,
        node,
        version,
        guard,
        leaseMs: base.config.leaseMs,
        demand: () => writing.dispatcher.demand(),
        onPeers: () => writing.dispatcher.slotsChanged(),
        permit: async () => {
          await refuseHalfRestored(bus);
          await refuseAllOwned({ ...base, leaseMs: base.config.leaseMs });
        },
        hands: {
          prepare: (taken) => writing.keeper.prepare(taken),
          serve: (taken) => writing.keeper.serve(taken),
          giveUp: (shards) => writing.keeper.giveUp(shards),
          drop: (shards) => writing.keeper.drop(shards),
        },
      })
    : await ownAll({ ...base, node, version, leaseMs: base.config.leaseMs });
  const isFirst = (): boolean => ownership.owns(choresShard);
  const reading: Reading = buildReading(base, {
    isFirst,
    firstOne: () => ownership.view().shards.find(({ shard }) => shard === choresShard)?.owner,
    slotsChanged: () => writing.dispatcher.slotsChanged(),
    onShorter: (heads) => writing.orchestrator.rewind(heads),
    seen: (ref, revision) => writing.orchestrator.seen(ref, revision),
    owns: (shard) => ownership.owns(shard),
  });
  const writing: Writing = buildWriting({ ...base, ...reading, ownership, isShared, node });
  guard.onOther(() => reading.projector.again());
  return { base, guard, ownership, isShared, isFirst, ...reading, ...writing };
}

type Base = ReturnType<typeof basicsOf>;
type Reading = ReturnType<typeof buildReading>;
type Writing = ReturnType<typeof buildWriting>;

function basicsOf(options: EngineOptions, onDamage: () => void) {
  const { bus, world } = options;
  const config = { ...engineDefaults, ...options.config };
  const metrics = createEngineMetrics(options.metrics);
  const say = options.log.child({ component: "engine" });
  const store = openReadStore(options.readModelDir, onDamage);
  const { lanes } = bus.log;
  const guard = new InstallationGuard({
    table: bus.table,
    lanes,
    world,
    say,
    file: options.installationFile,
  });
  const { log, table }: Bus = bus;
  const onRefusedCall: OnRefusedCall = async (of) => options.onRefusedCall?.(of);
  const onMismatch = (of: Mismatch): void => options.onMismatch?.(of);
  return {
    guard,
    onMismatch,
    onRefusedCall,
    bus,
    world,
    say,
    config,
    metrics,
    log,
    table,
    store,
    skipped: metrics.skipped,
    hidden: options.hidden,
  };
}

interface Late {
  readonly isFirst: () => boolean;
  /** The control plane that does the chores of all, as far as it is known. */
  readonly firstOne: () => string | undefined;
  readonly slotsChanged: () => void;
  readonly onShorter: (heads: Position) => void;
  readonly seen: Orchestrator["seen"];
  readonly owns: Ownership["owns"];
}

/** What reads the log and the tables; `late` leads to what is made after it. */
function buildReading(base: Base, late: Late) {
  const { bus, world, config, metrics } = base;
  const tail = createLogTail(bus.log, metrics.skipped);
  const hub = new Hub(bus.log.lanes);
  const live = new LiveRuns({ ...base, wire: bus.wire, hub, timers: world.timers, limits: liveLimits });
  const archive = new Archive({ ...base, isFirst: late.isFirst, firstOne: late.firstOne });
  const waiters = new Waiters<RunOutcome>(world, config.waitersMax);
  const foreign = new Foreign({ waiters, owns: late.owns, seen: late.seen });
  const telemetry = new Telemetry(base);
  const refusedCalls = new RefusedCalls({ ...base, owns: late.owns, report: base.onRefusedCall });
  const startedMs = world.clock.now();
  const projector = new Projector({
    ...base,
    refusedCalls,
    onModels: (models) => {
      // Counters count what happened while this process was there to see it, once over all control planes.
      for (const one of models) {
        const isOurs = one.atMs >= startedMs && late.owns(shardOf(parseId("run", one.run)));
        if (isOurs) countModel(metrics, one);
      }
    },
    tail,
    hub,
    unreadable: metrics.unreadable,
    refill: () => archive.refill().then(() => telemetry.again()),
    onShorter: late.onShorter,
    onForeign: (record) => foreign.record(record),
  });
  const workers = new Workers({ ...base, onChange: late.slotsChanged, isFirst: late.isFirst });
  const plans = new Plans(bus.blobs, config.plansMax);
  const registry = new Registry({ ...base, plans, workers });
  return { tail, hub, live, archive, waiters, projector, workers, plans, registry, telemetry, foreign };
}

type WritingParts = Base &
  Reading & { readonly ownership: Ownership; readonly isShared: boolean; readonly node: string };

/** What decides, writes, and does what follows. */
function buildWriting(parts: WritingParts) {
  const { bus, world, config, ownership, projector, archive, hub, isShared } = parts;
  const recovery = new Recovery();
  const owns: Ownership["owns"] = (shard) => ownership.owns(shard);
  const submit: Router["submit"] = (ref, input, answer) => router.submit(ref, input, answer);
  const resends = new Resends({ ...parts, submit });
  const dispatcher = new Dispatcher({
    ...parts,
    queue: bus.queue,
    slots: parts.workers,
    share: (group, of) => ownership.share(group, of),
    isSure: () => ownership.isSure,
  });
  const scheduler = new Scheduler({ world, submit: (ref, input) => handOn.timer(ref, input) });
  const handOn: HandOn = new HandOn({
    ...parts,
    resends,
    dispatcher,
    scheduler,
    submit,
    owns,
    wasSent: (ref, revision) => recovery.wasSent(ref, revision),
  });
  const orchestrator: Orchestrator = new Orchestrator({
    ...parts,
    handOn,
    whyNot: (ref, input) => whyNot(ref, input, { hot: orchestrator.hot, dispatcher }),
    maybeArchived: (ref) => archive.maybeHas(ref),
    isArchived: (ref) => archive.has(ref),
    onParked: ({ tenant, run }, revision, parked) => {
      projector.park({ tenant, run, revision }, { code: parked.reason, message: parked.message });
    },
  });
  const door = new FairDoor(parts);
  const resend = (ref: RunRef): void => {
    // One that nobody has in memory is taken up, which sends what is open; else it is sent once more.
    const taken = orchestrator.takeUp(ref).then(() => dispatcher.sendAgainOf(ref));
    taken.catch((error: unknown) => parts.say.warn("a run could not be taken up", { run: ref.run, error }));
  };
  const router: Router = new Router({
    ...parts,
    wire: bus.wire,
    table: bus.table,
    orchestrator,
    door,
    resend,
  });
  const sweep = new Sweep({ ...parts, orchestrator, dispatcher, scheduler });
  const handedOn = (): Position => {
    const sent = dispatcher.sentUpTo(orchestrator.flights.handedOn());
    // Others may have written to our shards: what was not read yet is not known to be handed on.
    return isShared ? lower(sent, hub.position) : sent;
  };
  const watermark: WatermarkKeeper = new WatermarkKeeper({
    ...parts,
    key: watermarkKey(ownership.name),
    everyMs: config.watermarkEveryMs,
    handedOn,
    onNewEpoch: () => resends.tellAll(dispatcher.sendAgain(Number.MAX_VALUE)),
    ...(isShared ? { covers: () => keeper.covers() } : {}),
  });
  const writing = { door, orchestrator, dispatcher, scheduler, router, sweep, recovery, resends, watermark };
  const keeper: ShardKeeper = new ShardKeeper({ ...parts, ...writing });
  return { ...writing, keeper };
}
