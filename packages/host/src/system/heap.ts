/**
 * Keeps a long-lived process small. V8 lets the young generation grow to 48 MiB and the old one to several
 * times
 * what lives in it; a server with much short-lived garbage then holds hundreds of megabytes that it never
 * needs.
 * A process that we spawn gets `--max-semi-space-size`; one that a person starts can only be bounded while it
 * runs.
 */
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

export function boundHeap(timers: Timers, bounds: HeapBounds = heapBounds): void {
  v8.setFlagsFromString(`--heap-growing-percent=${bounds.growingPercent}`);
  const stop = timers.every(
    lookEveryMs,
    () => {
      if (youngBytes() < bounds.youngMb * 1024 * 1024) return;
      v8.setFlagsFromString("--semi-space-growth-factor=1");
      stop();
    },
    { background: true },
  );
}

function youngBytes(): number {
  const young = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
  return young?.space_size ?? 0;
}
