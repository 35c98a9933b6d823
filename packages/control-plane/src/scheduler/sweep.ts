import { sleep, type Stop, type World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import {
  type InputId,
  instant,
  isId,
  parseId,
  type RunId,
  type Shard,
  type TenantId,
} from "@agentflow/protocol";
import type { Dispatcher } from "../dispatcher/dispatcher.ts";
import type { EngineConfig } from "../engine-config.ts";
import type { EngineMetrics } from "../engine-metrics.ts";
import type { Orchestrator } from "../orchestrator/orchestrator.ts";
import type { Ownership } from "../orchestrator/ownership.ts";
import { makeRunRef, type RunRef } from "../orchestrator/run-ref.ts";
import type { LivePlace, LiveRun } from "../projector/read-rows.ts";
import type { ReadStore } from "../projector/read-store.ts";
import type { Scheduler } from "./scheduler.ts";

export interface SweepParts {
  readonly store: ReadStore;
  readonly world: World;
  readonly say: Log;
  readonly config: EngineConfig;
  readonly metrics: EngineMetrics;
  readonly ownership: Ownership;
  readonly orchestrator: Orchestrator;
  readonly dispatcher: Dispatcher;
  readonly scheduler: Scheduler;
}

/** Of one tenant in its turn. */
const pageMax = 256;
/** Behind every id of a run. */
const lastRun = "~";

/**
 * Goes over the runs that have not ended: at the start takes each up, later nudges those that have gone
 * silent.
 * The read model only says where to look; what is sent is worked out from the log.
 */
export class Sweep {
  private readonly parts: SweepParts;
  private readonly stopped = new AbortController();
  private stopTimer: Stop = () => undefined;
  private sweeping: Promise<void> | undefined;

  constructor(parts: SweepParts) {
    this.parts = parts;
  }

  /** Takes up the runs of these shards: how many there were; undefined when a stop broke it off. */
  async recover(takes: (shard: Shard) => boolean): Promise<number | undefined> {
    const { config, orchestrator } = this.parts;
    let count = 0;
    await this.eachLive(async (refs) => {
      const mine = refs.filter(({ shard }) => takes(shard));
      for (let i = 0; i < mine.length; i += config.recoverAtOnce) {
        // A shard may go while its runs are read.
        const some = mine.slice(i, i + config.recoverAtOnce).filter(({ shard }) => takes(shard));
        await Promise.all(some.map((ref) => orchestrator.takeUp(ref)));
        count += some.length;
      }
    });
    return this.stopped.signal.aborted ? undefined : count;
  }

  start(): void {
    const { world, config } = this.parts;
    const tick = (): void => {
      this.sweeping ??= this.nudgeSilent().finally(() => {
        this.sweeping = undefined;
      });
    };
    this.stopTimer = world.timers.every(config.nudgeEveryMs, tick, { background: true });
  }

  async stop(): Promise<void> {
    this.stopTimer();
    this.stopped.abort();
    await this.sweeping;
  }

  private async nudgeSilent(): Promise<void> {
    const { world, config, dispatcher, metrics, say } = this.parts;
    try {
      const before = world.clock.now() - config.silentMs;
      // Held by a worker for long: the queue says no to what it still has, so asking is harmless.
      metrics.nudges.add(dispatcher.sendAgain(before).length);
      await this.eachLive(async (refs) => {
        for (const ref of refs) if (this.isSilent(ref, before)) await this.nudge(ref);
      });
    } catch (error) {
      say.warn("looking for silent runs failed", { error });
    }
  }

  /** Ours, and nothing of it is on its way: no task, no timer, and it has not moved for long. */
  private isSilent(ref: RunRef, before: number): boolean {
    const { dispatcher, scheduler, orchestrator, ownership } = this.parts;
    if (!ownership.owns(ref.shard)) return false;
    if (dispatcher.has(ref) || scheduler.has(ref)) return false;
    const actor = orchestrator.hot.get(ref.key);
    return actor === undefined || (!actor.busy && actor.lastMs <= before);
  }

  private async nudge(ref: RunRef): Promise<void> {
    const { orchestrator, metrics, world } = this.parts;
    metrics.nudges.add();
    await orchestrator.takeUp(ref);
    const actor = orchestrator.hot.get(ref.key);
    if (actor === undefined) return;
    actor.lastMs = world.clock.now();
    if (actor.parked !== undefined) return;
    const input = { kind: "nudge", id: nudgeId(world), at: instant(world.clock.now()) } as const;
    orchestrator.submit(ref, input, () => undefined);
  }

  /** Tenants in turn, some runs of each: the thousands of one keep the few of another waiting for a page. */
  private async eachLive(visit: (refs: readonly RunRef[]) => Promise<void>): Promise<void> {
    let places: readonly LivePlace[] = await this.tenants();
    while (places.length > 0 && !this.stopped.signal.aborted) {
      const next: LivePlace[] = [];
      for (const place of places) {
        const page = await this.parts.store.call("live", { after: place, limit: pageMax });
        const live = page.filter(({ tenant }) => tenant === place.tenant);
        await visit(live.flatMap((run) => refOf(run) ?? []));
        const last = live.at(-1);
        if (last !== undefined && live.length === pageMax) next.push(last);
      }
      places = next;
      await sleep(this.parts.world.timers, 0, this.stopped.signal);
    }
  }

  /** Those that have runs which have not ended, each before the first of them. */
  private async tenants(): Promise<readonly LivePlace[]> {
    const places: LivePlace[] = [];
    let after: LivePlace | undefined;
    while (!this.stopped.signal.aborted) {
      const [first] = await this.parts.store.call("live", { after, limit: 1 });
      if (first === undefined) break;
      places.push({ tenant: first.tenant, run: "" });
      after = { tenant: first.tenant, run: lastRun };
    }
    return places;
  }
}

function refOf({ tenant, run }: LiveRun): RunRef | undefined {
  const known: { tenant: TenantId; run: RunId } | undefined =
    isId("tenant", tenant) && isId("run", run) ? { tenant, run } : undefined;
  return known === undefined ? undefined : makeRunRef(known.tenant, known.run);
}

function nudgeId(world: World): InputId {
  return parseId("input", `nudge-${Buffer.from(world.random.bytes(8)).toString("hex")}`);
}
