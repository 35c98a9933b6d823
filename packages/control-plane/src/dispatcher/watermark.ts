import { type Bus, type Position, reaches, startOf } from "@agentflow/bus";
import type { Stop, World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import { parseWatermark, showWatermark, type Watermark } from "./parse-watermark.ts";

export interface WatermarkParts {
  readonly bus: Bus;
  readonly world: World;
  readonly say: Log;
  /** Of the owner: see `watermarkKey`. */
  readonly key: string;
  readonly everyMs: number;
  /** Of one owner among several: the shards that this holds for. */
  readonly covers?: () => { readonly [shard: string]: number };
  /** Everything that commits up to here led to is with the queue. */
  readonly handedOn: () => Position;
  /** The queue lost what it held. */
  readonly onNewEpoch: () => void;
}

/** What a new owner finds. */
export interface TakenOver {
  /** The tasks of commits up to here were with the queue. */
  readonly sentUpTo: Position;
  /** They are not any more: it is another queue, or one in memory that began anew. */
  readonly isLost: boolean;
}

/** Where an owner's watermark lies. */
export function watermarkKey(owner: string): string {
  return `watermark.${owner}`;
}

/** Stores up to where all commands were sent, so that a new owner needs to send less again. */
export class WatermarkKeeper {
  private readonly parts: WatermarkParts;
  private written = "";
  private epoch = "";
  private stopTimer: Stop = () => undefined;
  private writing: Promise<void> | undefined;

  constructor(parts: WatermarkParts) {
    this.parts = parts;
  }

  async open(): Promise<TakenOver> {
    const { bus, key } = this.parts;
    this.epoch = await bus.queue.epoch();
    const stored = parseWatermark((await bus.table.get(key))?.value, bus.log.lanes);
    const sentUpTo =
      stored === undefined ? startOf(bus.log.lanes) : believed(stored.sent, await bus.log.heads());
    return { sentUpTo, isLost: stored?.epoch !== this.epoch };
  }

  start(): void {
    const { timers } = this.parts.world;
    this.stopTimer = timers.every(this.parts.everyMs, () => void this.write(), { background: true });
  }

  async stop(): Promise<void> {
    this.stopTimer();
    await this.writing;
    await this.write();
  }

  /** As it stands now, in the queue's life that was last asked for. */
  mark(): Watermark {
    return { epoch: this.epoch, sent: this.parts.handedOn() };
  }

  private async write(): Promise<void> {
    this.writing ??= this.writeOnce().finally(() => {
      this.writing = undefined;
    });
    await this.writing;
  }

  private async writeOnce(): Promise<void> {
    const { bus, key, say } = this.parts;
    try {
      // Asked before the epoch: what is sent after the answer belongs to a later watermark.
      const { covers } = this.parts;
      const sent = this.parts.handedOn();
      const shards = covers === undefined ? {} : { shards: covers() };
      const epoch = await bus.queue.epoch();
      if (epoch !== this.epoch) {
        this.epoch = epoch;
        return this.parts.onNewEpoch();
      }
      const text = showWatermark({ epoch, sent, ...shards });
      if (text === this.written) return;
      await bus.table.put(key, text, { expect: "any" });
      this.written = text;
    } catch (error) {
      say.debug("the watermark could not be written", { error });
    }
  }
}

/**
 * A log that lost its end gives revisions again: what a watermark says beyond a lane's head is about other
 * commits, and nothing of that lane is believed.
 */
function believed(sent: Position, heads: Position): Position {
  return reaches(heads, sent) ? sent : sent.map((one, lane) => (one > (heads[lane] ?? 0) ? 0 : one));
}
