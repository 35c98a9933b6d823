/** Keeps runs in flight against an adapter and measures what that took. */
import { machineSeconds } from "../lib/process-table.ts";
import { sampler } from "../lib/sampler.ts";
import type { Adapter, Work } from "./adapter.ts";
import { type Spread, spreadOf } from "./quantiles.ts";

export interface Loaded extends Spread {
  readonly seconds: number;
  readonly perSec: number;
}

export interface Measured extends Loaded {
  /** Share of the machine's CPU that others used meanwhile. */
  readonly foreign: number;
  /** CPU seconds by label. */
  readonly cpu: { readonly [label: string]: number };
  readonly cpuMsPerRun: number;
  readonly cpuMsPerRunNoClient: number;
  readonly peakPss: { readonly [label: string]: number };
  readonly peakPssTotal: number;
}

export interface Amount {
  readonly runs: number;
  readonly seconds: number;
  readonly inFlight: number;
}

/** Keeps `inFlight` runs going until `runs` were started or `seconds` passed. Throws at a wrong result. */
export async function load(adapter: Adapter, work: Work, amount: Amount): Promise<Loaded> {
  const latencies: number[] = [];
  let started = 0;
  const beganMs = performance.now();
  const endMs = beganMs + amount.seconds * 1_000;
  const client = async (): Promise<void> => {
    while (started < amount.runs && performance.now() < endMs) {
      started++;
      latencies.push(await timed(adapter, work));
    }
  };
  await Promise.all(Array.from({ length: amount.inFlight }, client));
  const seconds = (performance.now() - beganMs) / 1_000;
  return { ...spreadOf(latencies), seconds, perSec: latencies.length / seconds };
}

/** The same with CPU, memory and what others took. */
export async function measured(
  adapter: Adapter,
  work: Work,
  amount: Amount & { readonly lookEveryMs?: number },
): Promise<Measured> {
  // Without load beside it the look itself would be what is measured: W1 and W4 look at both ends only.
  const done = sampler({ ...adapter.pids(), client: process.pid }, amount.lookEveryMs ?? 1e8);
  const before = machineSeconds();
  const result = await load(adapter, work, amount);
  const after = machineSeconds();
  const usage = done();
  const all = Object.values(usage.cpu).reduce((sum, one) => sum + one, 0);
  const total = after.total - before.total;
  return {
    ...result,
    foreign: total === 0 ? 0 : Math.max(0, (after.busy - before.busy - all) / total),
    cpu: usage.cpu,
    cpuMsPerRun: (all * 1_000) / result.n,
    cpuMsPerRunNoClient: ((all - (usage.cpu["client"] ?? 0)) * 1_000) / result.n,
    peakPss: usage.peak,
    peakPssTotal: usage.peakTotal,
  };
}

async function timed(adapter: Adapter, work: Work): Promise<number> {
  const beganMs = performance.now();
  const result = await adapter.runOne(work);
  const ms = performance.now() - beganMs;
  if (result !== work.steps) {
    throw new Error(`wrong result ${JSON.stringify(result)} for ${work.kind}/${work.steps}`);
  }
  return ms;
}
