/**
 * Keeps a long-lived process small. V8 doubles the young generation, up to 48 MiB, whenever much of it
 * survives: loading a server's modules does that, and a page once touched is never given back. And it lets
 * the old one grow by 8 MiB before it collects. Both are worth their memory under load, and only there.
 */
import { performance } from "node:perf_hooks";
import process from "node:process";
import v8 from "node:v8";
import type { Timers } from "../clock.ts";

export interface HeapBounds {
  /** The young generation stops growing once it has this size, in MiB. */
  readonly youngMb: number;
}

export const heapBounds: HeapBounds = { youngMb: 12 };

/** How much the old generation may grow beyond what survived its last collection. */
const growingPercent = { size: 10, speed: 25 } as const;

const lookEveryMs = 100;
/**
 * Load keeps the loop busy look after look and uses CPU all the while. A reload ends before it has used so
 * much, also where others want the cores and it takes its time.
 */
const busyShare = 0.5;
const loadCpuMs = 150;
/** At once to its size: each doubling on the way would have to fill up first. */
const youngGrowth = { size: 1, speed: 8 } as const;

/** Before anything big is loaded: the young generation stays as it is, the old one grows in small steps. */
export function holdHeap(): void {
  favour("size");
}

/** Held from now on, save under load that lasts; for good no more once the young generation has its size. */
export function boundHeap(timers: Timers, bounds: HeapBounds = heapBounds): void {
  holdHeap();
  let before = performance.eventLoopUtilization();
  let busySinceCpuMs = cpuMs();
  let favoured: "size" | "speed" = "size";
  const stop = timers.every(
    lookEveryMs,
    () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      const usedMs = cpuMs();
      if (utilization < busyShare) busySinceCpuMs = usedMs;
      const wanted = usedMs - busySinceCpuMs >= loadCpuMs ? "speed" : "size";
      if (wanted !== favoured) favour(wanted);
      favoured = wanted;
      if (youngBytes() < bounds.youngMb * 1024 * 1024) return;
      favour("speed");
      v8.setFlagsFromString("--semi-space-growth-factor=1");
      stop();
    },
    { background: true },
  );
}

/** V8 reads these whenever it decides, so they may change while a process runs. */
function favour(what: "size" | "speed"): void {
  v8.setFlagsFromString(`--heap-growing-percent=${growingPercent[what]}`);
  v8.setFlagsFromString(`--semi-space-growth-factor=${youngGrowth[what]}`);
  v8.setFlagsFromString(what === "speed" ? "--no-optimize-for-size" : "--optimize-for-size");
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function youngBytes(): number {
  const young = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
  return young?.space_size ?? 0;
}
