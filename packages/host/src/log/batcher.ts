import { AgentFlowError, errorTable } from "@agentflow/protocol";
import type { Stop, Timers } from "../clock.ts";

export interface BatchInfo {
  /** Grows by one with each new batch and stays the same when one is sent again. */
  readonly number: number;
  /** Items lost before this batch since the last one that arrived. */
  readonly dropped: number;
}

export interface BatcherOptions<T> {
  readonly timers: Timers;
  /**
   * Takes one batch; when it throws, the same batch is sent again later, unless it can never be taken:
   * then it is lost. One call at a time.
   */
  readonly send: (items: readonly T[], info: BatchInfo) => Promise<void> | void;
  readonly sizeOf: (item: T) => number;
  /** An item waits at most this long before it is sent (100). */
  readonly maxMs?: number;
  /** A batch leaves early at this size (64 KiB); a bigger item travels alone. */
  readonly maxBytes?: number;
  /**
   * Where more waits than one batch, so much leaves at once (`maxBytes`): a sender that is behind
   * catches up.
   */
  readonly burstBytes?: number;
  /** Never more in one batch than these (no bound). */
  readonly maxItems?: number;
  /** What waits beyond this is dropped, the oldest first (1 MiB). */
  readonly backlogBytesMax?: number;
}

export interface Batcher<T> {
  add(item: T): void;
  /** Sends what waits; resolves when all of it has left, or when a send failed. */
  flush(): Promise<void>;
  /** Flushes, then takes nothing more: later items count as dropped. */
  close(): Promise<void>;
  /** Items that are lost for good. */
  dropped(): number;
}

/** Gathers items into batches and sends them in order. Never blocks or grows: what it loses, it counts. */
export function createBatcher<T>(options: BatcherOptions<T>): Batcher<T> {
  return new GatheringBatcher(options);
}

const retryMsMax = 5_000;

interface Batch<T> {
  readonly items: readonly T[];
  readonly number: number;
}

class GatheringBatcher<T> implements Batcher<T> {
  private readonly options: BatcherOptions<T>;
  private readonly maxMs: number;
  private readonly maxBytes: number;
  private readonly backlogBytesMax: number;
  private readonly burstBytes: number;
  private readonly maxItems: number;
  private queue: { readonly item: T; readonly bytes: number }[] = [];
  /** Where the queue begins: shifting an array of thousands for each dropped item would be slow. */
  private head = 0;
  private queueBytes = 0;
  private added = 0;
  private inFlight: Batch<T> | undefined;
  private sending: Promise<boolean> | undefined;
  private stopTimer: Stop | undefined;
  private number = 0;
  private failures = 0;
  private lost = 0;
  private told = 0;
  private closed = false;

  constructor(options: BatcherOptions<T>) {
    this.options = options;
    this.maxMs = options.maxMs ?? 100;
    this.maxBytes = options.maxBytes ?? 65_536;
    this.backlogBytesMax = options.backlogBytesMax ?? 1_048_576;
    this.burstBytes = options.burstBytes ?? this.maxBytes;
    this.maxItems = options.maxItems ?? Number.POSITIVE_INFINITY;
  }

  add(item: T): void {
    if (this.closed) {
      this.lost++;
      return;
    }
    const bytes = this.options.sizeOf(item);
    this.queue.push({ item, bytes });
    this.queueBytes += bytes;
    this.added++;
    this.shed();
    if (this.sending === undefined && this.failures === 0) this.schedule();
  }

  async flush(): Promise<void> {
    while (this.waiting()) if (!(await this.pump())) return;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    await this.flush();
    this.closed = true;
    this.disarm();
    this.lost += this.length() + (this.inFlight?.items.length ?? 0);
    this.queue = [];
    this.head = 0;
    this.inFlight = undefined;
  }

  dropped(): number {
    return this.lost;
  }

  private length(): number {
    return this.queue.length - this.head;
  }

  private waiting(): boolean {
    return this.inFlight !== undefined || this.length() > 0;
  }

  private schedule(): void {
    if (this.queueBytes >= this.maxBytes) void this.pump();
    else if (this.length() > 0) this.arm(this.maxMs);
  }

  private arm(ms: number): void {
    this.stopTimer ??= this.options.timers.after(ms, () => void this.pump(), { background: true });
  }

  private disarm(): void {
    this.stopTimer?.();
    this.stopTimer = undefined;
  }

  /** Sends what waits now; what comes meanwhile gathers for the next batch. False after a failed send. */
  private pump(): Promise<boolean> {
    this.disarm();
    this.sending ??= this.drain(this.added).finally(() => {
      this.sending = undefined;
      if (this.closed) return;
      if (this.failures > 0) this.arm(Math.min(retryMsMax, this.maxMs * 2 ** this.failures));
      else this.schedule();
    });
    return this.sending;
  }

  private async drain(goal: number): Promise<boolean> {
    // The first item in the queue is number `added - length`.
    while (this.inFlight !== undefined || (this.length() > 0 && this.added - this.length() < goal)) {
      if (!(await this.sendOne())) return false;
    }
    return true;
  }

  private async sendOne(): Promise<boolean> {
    this.inFlight ??= this.take();
    const { items, number } = this.inFlight;
    const dropped = this.lost - this.told;
    try {
      await this.options.send(items, { number, dropped });
    } catch (error) {
      if (!isHopeless(error)) {
        this.failures++;
        return false;
      }
      // Sent for ever, it would stand in the way of all that comes after it.
      this.lost += items.length;
      this.inFlight = undefined;
      return true;
    }
    this.told += dropped;
    this.failures = 0;
    this.inFlight = undefined;
    return true;
  }

  private take(): Batch<T> {
    let end = this.head;
    let bytes = 0;
    for (let next = this.queue[end]; next !== undefined; next = this.queue[++end]) {
      if (end > this.head && bytes + next.bytes > this.burstBytes) break;
      if (end - this.head >= this.maxItems) break;
      bytes += next.bytes;
    }
    const items = this.queue.slice(this.head, end).map((entry) => entry.item);
    this.queueBytes -= bytes;
    this.forget(end);
    return { items, number: ++this.number };
  }

  private shed(): void {
    let end = this.head;
    while (this.queueBytes > this.backlogBytesMax && end < this.queue.length) {
      this.queueBytes -= this.queue[end++]?.bytes ?? 0;
    }
    this.lost += end - this.head;
    this.forget(end);
  }

  private forget(end: number): void {
    this.head = end;
    if (this.head < 1024 && this.head < this.queue.length) return;
    this.queue = this.queue.slice(this.head);
    this.head = 0;
  }
}

/** The batch itself is refused, so that it will be the next time too. */
function isHopeless(error: unknown): boolean {
  if (!AgentFlowError.is(error)) return false;
  return errorTable[error.code].retry === "never" || error.reason === "too_big";
}
