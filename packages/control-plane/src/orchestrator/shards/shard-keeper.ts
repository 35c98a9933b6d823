import { type Bus, laneOfShard, upTo } from "@agentflow/bus";
import { sleep, type World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import type { Shard } from "@agentflow/protocol";
import type { Dispatcher } from "../../dispatcher/dispatcher.ts";
import { parseWatermark, type Watermark } from "../../dispatcher/parse-watermark.ts";
import type { Resends } from "../../dispatcher/resends.ts";
import { watermarkKey, type WatermarkKeeper } from "../../dispatcher/watermark.ts";
import type { EngineConfig } from "../../engine-config.ts";
import type { Projector } from "../../projector/projector.ts";
import type { Scheduler } from "../../scheduler/scheduler.ts";
import type { Sweep } from "../../scheduler/sweep.ts";
import type { Orchestrator } from "../orchestrator.ts";
import { quiet } from "../quiet.ts";
import type { Router } from "../router.ts";
import type { ShardHands, TakenShard } from "./lease-parts.ts";
import type { SentMark } from "./parse-rows.ts";
import type { Recovery } from "./recovery.ts";

export interface ShardKeeperParts {
  readonly bus: Bus;
  readonly world: World;
  readonly say: Log;
  readonly config: EngineConfig;
  readonly node: string;
  readonly orchestrator: Orchestrator;
  readonly dispatcher: Dispatcher;
  readonly scheduler: Scheduler;
  readonly router: Router;
  readonly projector: Projector;
  readonly sweep: Sweep;
  readonly recovery: Recovery;
  readonly resends: Resends;
  readonly watermark: WatermarkKeeper;
}

/**
 * Takes shards up and gives them up. A shard is served before its open runs were gone through: whatever an
 * input needs is read from the log, and what is open is sent again behind that.
 */
export class ShardKeeper implements ShardHands {
  private readonly parts: ShardKeeperParts;
  /** Shards whose open runs were all gone through, by the term of this holding: see the watermark. */
  private readonly covered = new Map<Shard, number>();
  private readonly stopped = new AbortController();
  private recovering = new Set<Promise<void>>();

  constructor(parts: ShardKeeperParts) {
    this.parts = parts;
  }

  /** What the watermark holds for, as its row tells it. */
  covers(): { readonly [shard: string]: number } {
    return Object.fromEntries(this.covered);
  }

  async prepare(taken: readonly TakenShard[]): Promise<void> {
    const { bus, recovery, resends } = this.parts;
    const epoch = await bus.queue.epoch();
    const heads = await bus.log.heads();
    const marks = await this.marksOf(taken);
    for (const one of taken) {
      const { shard, term } = one;
      const head = heads[this.laneOf(shard)] ?? 0;
      const { sentUpTo, isLost } = takenOver(this.markFor(one, marks), { epoch, head });
      recovery.begin(shard, { term, sentUpTo: isLost ? 0 : sentUpTo });
      if (isLost) resends.begin([shard], upTo(sentUpTo, heads.length));
    }
  }

  async serve(taken: readonly TakenShard[]): Promise<void> {
    const work = this.recover(taken).finally(() => this.recovering.delete(work));
    this.recovering.add(work);
    await this.parts.router.serve(taken.map(({ shard }) => shard));
  }

  async giveUp(shards: ReadonlySet<Shard>): Promise<ReadonlyMap<Shard, SentMark>> {
    const { scheduler, router, orchestrator, dispatcher, config, watermark, world } = this.parts;
    scheduler.drop(shards);
    await router.unserve(shards);
    await quiet(orchestrator.hot, { shards, maxMs: config.giveUpMs, world });
    await dispatcher.pushed();
    // Asked while what waits of these shards still counts.
    const mark = watermark.mark();
    const sent = new Map<Shard, SentMark>();
    for (const shard of shards) if (this.covered.has(shard)) sent.set(shard, this.of(shard, mark));
    this.drop(shards);
    return sent;
  }

  drop(shards: ReadonlySet<Shard>): void {
    const { scheduler, router, orchestrator, dispatcher, recovery, resends } = this.parts;
    for (const shard of shards) {
      this.covered.delete(shard);
      recovery.end(shard);
    }
    resends.end(shards);
    orchestrator.drop(shards);
    dispatcher.drop(shards);
    scheduler.drop(shards);
    void router.unserve(shards);
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await Promise.all(this.recovering);
  }

  private async recover(taken: readonly TakenShard[]): Promise<void> {
    const { projector, sweep, recovery, resends, world, say, node } = this.parts;
    const { signal } = this.stopped;
    const mine = new Map(taken.map(({ shard, term }) => [shard, term]));
    const isOpen = (shard: Shard): boolean => recovery.is(shard, mine.get(shard) ?? -1);
    while (!signal.aborted && taken.some(({ shard }) => isOpen(shard))) {
      try {
        await projector.caughtUp();
        const runs = await sweep.recover(isOpen);
        // What was not gone through is not covered: a watermark would say that its tasks were sent.
        if (runs === undefined) return;
        say.info("shards taken up", { shards: taken.length, owner: node, runs });
        break;
      } catch (error) {
        say.warn("open runs could not be taken up; trying again", { error });
        await sleep(world.timers, this.parts.config.reloadPauseMaxMs, signal);
      }
    }
    if (signal.aborted) return;
    for (const { shard, term } of taken) {
      if (!recovery.is(shard, term)) continue;
      recovery.end(shard);
      resends.end(new Set([shard]));
      this.covered.set(shard, term);
    }
  }

  /** Watermarks of those who held the shards before, one reading each. */
  private async marksOf(taken: readonly TakenShard[]): Promise<ReadonlyMap<string, Watermark>> {
    const { bus, node } = this.parts;
    const nodes = new Set(
      taken.flatMap(({ row }) => (row.was === undefined ? [node] : [node, row.was.node])),
    );
    const marks = new Map<string, Watermark>();
    for (const one of nodes) {
      const mark = parseWatermark((await bus.table.get(watermarkKey(one)))?.value, bus.log.lanes);
      if (mark !== undefined) marks.set(one, mark);
    }
    return marks;
  }

  /** The newest that speaks of this shard: our own, the giver's word, the watermark before. */
  private markFor(
    { shard, term, row }: TakenShard,
    marks: ReadonlyMap<string, Watermark>,
  ): SentMark | undefined {
    const own = marks.get(this.parts.node);
    if (own?.shards?.[shard] === term) return this.of(shard, own);
    if (row.sent !== undefined) return row.sent;
    if (row.was === undefined) return undefined;
    const before = marks.get(row.was.node);
    if (before === undefined) return undefined;
    // It tells of the queue's life in any case, of this shard only when that owner had gone through its runs.
    const isOfShard = before.shards?.[shard] === row.was.term;
    return isOfShard ? this.of(shard, before) : { epoch: before.epoch, revision: 0 };
  }

  /** What a watermark says of one shard, which lies in one lane. */
  private of(shard: Shard, { epoch, sent }: Watermark): SentMark {
    return { epoch, revision: sent[this.laneOf(shard)] ?? 0 };
  }

  private laneOf(shard: Shard): number {
    return laneOfShard(shard, this.parts.bus.log.lanes);
  }
}

function takenOver(mark: SentMark | undefined, now: { epoch: string; head: number }) {
  if (mark === undefined) return { sentUpTo: 0, isLost: false };
  // A log that lost its end gives revisions again: what the mark says of them is about other commits.
  const sentUpTo = mark.revision > now.head ? 0 : mark.revision;
  return { sentUpTo, isLost: mark.epoch !== now.epoch };
}
