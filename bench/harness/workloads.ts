/** W1 to W5, the same for every system; W6 where there are agents. */
import type { Adapter, Work } from "./adapter.ts";
import { type Loaded, type Measured, load, measured } from "./load.ts";
import { median, type Spread, spreadOf } from "./quantiles.ts";

export interface Limits {
  /** Runs of W1. */
  readonly runs1: number;
  /** Seconds: W1 and W3. */
  readonly cap: number;
  /** Seconds: W2 and W4. */
  readonly cap2: number;
  /** Stored runs that W5 fills up to, one probe after each. */
  readonly fill: readonly number[];
  /** Seconds that one fill may take. */
  readonly fillCap: number;
}

export interface Growth {
  readonly target: number;
  /** Runs stored after the probe: a slow system may not reach its target. */
  readonly stored: number;
  readonly perSec: number;
  readonly oneClientP50: number;
  readonly cpuMsPerRun: number;
  readonly foreign: number;
  readonly memory: { readonly [label: string]: number };
}

/** `turn`: what one turn costs beside the model and its tools. */
export type W6 = Measured & { readonly turn: Spread };

export type W2 = Measured & { readonly solo: Loaded };

export const workNames = ["w1", "w2", "w3", "w4", "w5", "w6"] as const;

const one: Work = { kind: "one", steps: 1 };
const chain: Work = { kind: "chain", steps: 10 };
const agent: Work = { kind: "agent", steps: 5 };
const fan: Work = { kind: "fan", steps: 100 };

/** One step on a worker process, one client. */
export async function w1(adapter: Adapter, limits: Limits): Promise<Measured> {
  await load(adapter, one, { runs: 50, seconds: 5, inFlight: 1 });
  return measured(adapter, one, { runs: limits.runs1, seconds: limits.cap, inFlight: 1 });
}

/** Ten steps, each after the one before: one client, then sixteen. */
export async function w2(adapter: Adapter, limits: Limits): Promise<W2> {
  await load(adapter, chain, { runs: 30, seconds: 5, inFlight: 4 });
  const solo = await load(adapter, chain, { runs: 50, seconds: limits.cap2, inFlight: 1 });
  const many = await measured(adapter, chain, { runs: 5_000, seconds: limits.cap2, inFlight: 16 });
  return { ...many, solo };
}

/** One step, 64 runs in flight. */
export async function w3(adapter: Adapter, limits: Limits): Promise<Measured> {
  await load(adapter, one, { runs: 500, seconds: 3, inFlight: 64 });
  return measured(adapter, one, { runs: 5_000, seconds: limits.cap, inFlight: 64, lookEveryMs: 500 });
}

/** A hundred parallel steps in one run, one client. */
export async function w4(adapter: Adapter, limits: Limits): Promise<Measured> {
  await load(adapter, fan, { runs: 3, seconds: 60, inFlight: 1 });
  return measured(adapter, fan, { runs: 30, seconds: limits.cap2, inFlight: 1 });
}

/** An agent of five turns with two tools, on a model that answers at once; one client. */
export async function w6(adapter: Adapter, limits: Limits): Promise<W6 | undefined> {
  if (adapter.turns === undefined) return undefined;
  await load(adapter, agent, { runs: 20, seconds: 10, inFlight: 1 });
  const solo = await measured(adapter, agent, { runs: 200, seconds: limits.cap2, inFlight: 1 });
  return { ...solo, turn: spreadOf(await adapter.turns()) };
}

/** The rate of W3 after so many runs have been stored; three probes a level, the middle one counts. */
export async function w5(adapter: Adapter, limits: Limits): Promise<readonly Growth[]> {
  let stored = (await load(adapter, one, { runs: 500, seconds: 3, inFlight: 64 })).n;
  const levels: Growth[] = [];
  for (const target of [0, ...limits.fill]) {
    if (stored < target) {
      const amount = { runs: target - stored, seconds: limits.fillCap, inFlight: 128 };
      stored += (await load(adapter, one, amount)).n;
    }
    const level = await probe(adapter, { target, stored });
    stored = level.stored;
    levels.push(level);
  }
  return levels;
}

async function probe(adapter: Adapter, at: { target: number; stored: number }): Promise<Growth> {
  const rounds: Measured[] = [];
  for (let round = 0; round < 3; round++) {
    rounds.push(await measured(adapter, one, { runs: 5_000, seconds: 3, inFlight: 64 }));
  }
  const solo = await load(adapter, one, { runs: 200, seconds: 5, inFlight: 1 });
  const middle = (pick: (round: Measured) => number): number => median(rounds.map(pick)) ?? Number.NaN;
  return {
    target: at.target,
    stored: rounds.reduce((sum, { n }) => sum + n, at.stored + solo.n),
    perSec: middle(({ perSec }) => perSec),
    oneClientP50: solo.p50,
    cpuMsPerRun: middle(({ cpuMsPerRun }) => cpuMsPerRun),
    foreign: middle(({ foreign }) => foreign),
    memory: rounds.at(-1)?.peakPss ?? {},
  };
}
