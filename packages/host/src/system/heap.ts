/**
 * Keeps a long-lived process small. V8 doubles the young generation, up to 48 MiB, whenever much of it
 * survives: loading a server's modules does that, and a page once touched is never given back. A process that
 * we spawn gets `--max-semi-space-size`; one that a person starts can only be held while it runs.
 */
import { performance } from "node:perf_hooks";
import v8 from "node:v8";
import type { Timers } from "../clock.ts";

export interface HeapBounds {
  /** The young generation stops growing once it has this size, in MiB. */
  readonly youngMb: number;
  /** The old generation may grow so much beyond what survived its last collection. */
  readonly growingPercent: number;
}

export const heapBounds: HeapBounds = { youngMb: 12, growingPercent: 25 };

const lookEveryMs = 100;
/** A reload keeps the loop busy for a look or two, work that wants a bigger young generation for longer. */
const busyLooks = 5;
const busyShare = 0.7;

/** Before anything big is loaded: the young generation stays as it is, the old one grows in small steps. */
export function holdHeap({ growingPercent }: HeapBounds = heapBounds): void {
  v8.setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
  letYoungGrow(false);
}

/** From now on the young generation grows under load that lasts, until it has its size. */
export function boundHeap(timers: Timers, bounds: HeapBounds = heapBounds): void {
  holdHeap(bounds);
  let before = performance.eventLoopUtilization();
  let busy = 0;
  const stop = timers.every(
    lookEveryMs,
    () => {
      const now = performance.eventLoopUtilization();
      busy = performance.eventLoopUtilization(now, before).utilization > busyShare ? busy + 1 : 0;
      before = now;
      const grown = youngBytes() >= bounds.youngMb * 1024 * 1024;
      letYoungGrow(!grown && busy >= busyLooks);
      if (grown) stop();
    },
    { background: true },
  );
}

function letYoungGrow(may: boolean): void {
  v8.setFlagsFromString(`--semi-space-growth-factor=${may ? 2 : 1}`);
}

function youngBytes(): number {
  const young = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
  return young?.space_size ?? 0;
}
