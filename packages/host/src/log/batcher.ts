import type { Timers } from "../clock.ts";

export interface BatchInfo {
  /** Grows by one with each new batch and stays the same when one is sent again. */
  readonly number: number;
  /** Items lost before this batch since the last one that arrived. */
  readonly dropped: number;
}

export interface BatcherOptions<T> {
  readonly timers: Timers;
  /** Takes one batch; when it throws, the same batch is sent again later. One call at a time. */
  readonly send: (items: readonly T[], info: BatchInfo) => Promise<void> | void;
  readonly sizeOf: (item: T) => number;
  /** An item waits at most this long before it is sent (100). */
  readonly maxMs?: number;
  /** A batch leaves early at this size (64 KiB); a bigger item travels alone. */
  readonly maxBytes?: number;
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

const retryMsMax = 5_000;

interface Batch<T> {
  readonly items: readonly T[];
  readonly number: number;
}

/** Gathers items into batches and sends them in order. Never blocks and never grows: what it loses, it counts. */
export function createBatcher<T>(options: BatcherOptions<T>): Batcher<T> {
  const { timers, send, sizeOf, maxMs = 100, maxBytes = 65_536, backlogBytesMax = 1_048_576 } = options;
  let queue: { readonly item: T; readonly bytes: number }[] = [];
  let queueBytes = 0;
  let inFlight: Batch<T> | undefined;
  let sending: Promise<boolean> | undefined;
  let stopTimer: (() => void) | undefined;
  let number = 0;
  let failures = 0;
  let lost = 0;
  let told = 0;
  let closed = false;

  const arm = (ms: number): void => {
    stopTimer ??= timers.after(ms, wake, { background: true });
  };
  const wake = (): void => {
    stopTimer?.();
    stopTimer = undefined;
    void pump();
  };
  const take = (): Batch<T> => {
    let count = 0;
    let bytes = 0;
    for (const { bytes: size } of queue) {
      if (count > 0 && bytes + size > maxBytes) break;
      bytes += size;
      count++;
    }
    const items = queue.slice(0, count).map((entry) => entry.item);
    queue = queue.slice(count);
    queueBytes -= bytes;
    return { items, number: ++number };
  };
  /** One batch; false when it could not be sent and stays for the next try. */
  const sendOne = async (): Promise<boolean> => {
    const batch = (inFlight ??= take());
    const dropped = lost - told;
    try {
      await send(batch.items, { number: batch.number, dropped });
    } catch {
      failures++;
      return false;
    }
    told += dropped;
    failures = 0;
    inFlight = undefined;
    return true;
  };
  const drain = async (): Promise<boolean> => {
    while (inFlight !== undefined || queue.length > 0) if (!(await sendOne())) return false;
    return true;
  };
  const pump = async (): Promise<void> => {
    sending ??= drain();
    const emptied = await sending;
    sending = undefined;
    if (!emptied && !closed) arm(Math.min(retryMsMax, maxMs * 2 ** failures));
  };
  const shed = (): void => {
    let count = 0;
    while (queueBytes > backlogBytesMax && count < queue.length) queueBytes -= queue[count++]?.bytes ?? 0;
    if (count > 0) queue = queue.slice(count);
    lost += count;
  };

  return {
    add(item) {
      if (closed) {
        lost++;
        return;
      }
      const bytes = sizeOf(item);
      queue.push({ item, bytes });
      queueBytes += bytes;
      if (queueBytes > backlogBytesMax) shed();
      if (failures > 0 || sending !== undefined) return;
      if (queueBytes >= maxBytes) wake();
      else arm(maxMs);
    },
    async flush() {
      stopTimer?.();
      stopTimer = undefined;
      await pump();
    },
    async close() {
      if (closed) return;
      await this.flush();
      closed = true;
      stopTimer?.();
      lost += queue.length + (inFlight?.items.length ?? 0);
      queue = [];
      inFlight = undefined;
    },
    dropped: () => lost,
  };
}
