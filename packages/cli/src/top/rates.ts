/** Rates from totals: what two looks at an installation, some time apart, say between them. */
import type { InstallationTop, ProcessUsage, TopCounters, WorkerTop } from "@agentflow/protocol";

/** A second of each counter; absent until two looks count from the same beginning. */
export type Rates = { readonly [Name in keyof TopCounters as `${Name}PerS`]: number } & {
  readonly overMs: number;
};

export interface WorkerRates {
  readonly tasksPerS?: number;
  /** Of one processor: 250 are two and a half of them. */
  readonly cpuPercent?: number;
  readonly runnersCpuPercent?: number;
}

export interface TopView {
  readonly top: InstallationTop;
  readonly rates?: Rates;
  readonly workers: readonly (WorkerTop & WorkerRates)[];
  /** Tasks that the workers of a pool end in a second. */
  readonly poolTasksPerS: ReadonlyMap<string, number>;
}

interface Seen {
  readonly row: WorkerTop;
  readonly rates: WorkerRates;
}

/** Remembers what it needs of the look before. */
export class RateKeeper {
  private before: InstallationTop | undefined;
  private readonly workers = new Map<string, Seen>();

  next(top: InstallationTop): TopView {
    const rates = this.before === undefined ? undefined : ratesOf(this.before, top);
    this.before = top;
    const workers = top.workers.map((row) => ({ ...row, ...this.workerRates(row) }));
    const known = new Set(top.workers.map(keyOf));
    for (const key of this.workers.keys()) if (!known.has(key)) this.workers.delete(key);
    const pools = new Map<string, number>();
    for (const { alive, pool, tasksPerS } of workers) {
      if (alive && tasksPerS !== undefined) pools.set(pool, (pools.get(pool) ?? 0) + tasksPerS);
    }
    return { top, workers, poolTasksPerS: pools, ...(rates === undefined ? {} : { rates }) };
  }

  /** A worker says how it stands each two seconds: between two rows of it, its rates stay what they were. */
  private workerRates(row: WorkerTop): WorkerRates {
    const before = this.workers.get(keyOf(row));
    if (before?.row.seenAt === row.seenAt) return before.rates;
    const isSame = before !== undefined && before.row.since === row.since;
    const rates = isSame ? workerRatesOf(before.row, row) : {};
    this.workers.set(keyOf(row), { row, rates });
    return rates;
  }
}

function keyOf({ tenant, worker }: WorkerTop): string {
  return `${tenant} ${worker}`;
}

function ratesOf(before: InstallationTop, after: InstallationTop): Rates | undefined {
  const overMs = Date.parse(after.at) - Date.parse(before.at);
  const isSame = before.node === after.node && before.since === after.since;
  if (!isSame || overMs <= 0) return undefined;
  const per = (name: keyof TopCounters): number =>
    Math.max(0, ((after.counters[name] - before.counters[name]) * 1_000) / overMs);
  return {
    overMs,
    runsStartedPerS: per("runsStarted"),
    runsCompletedPerS: per("runsCompleted"),
    runsFailedPerS: per("runsFailed"),
    runsCancelledPerS: per("runsCancelled"),
    stepsSucceededPerS: per("stepsSucceeded"),
    attemptsFailedPerS: per("attemptsFailed"),
  };
}

function workerRatesOf(before: WorkerTop, after: WorkerTop): WorkerRates {
  const overMs = Date.parse(after.seenAt) - Date.parse(before.seenAt);
  if (overMs <= 0) return {};
  const tasks = (after.tasksEnded ?? 0) - (before.tasksEnded ?? 0);
  const cpu = cpuBetween(before.usage?.supervisor, after.usage?.supervisor);
  const runners = after.usage?.runners.flatMap(({ pid, ...usage }) => {
    const known = before.usage?.runners.find((one) => one.pid === pid);
    // One that began meanwhile used all of it meanwhile.
    return cpuBetween(known ?? { cpuMs: 0, rssBytes: 0 }, usage) ?? [];
  });
  const share = (ms: number): number => (ms * 100) / overMs;
  return {
    ...(after.tasksEnded === undefined ? {} : { tasksPerS: (Math.max(0, tasks) * 1_000) / overMs }),
    ...(cpu === undefined ? {} : { cpuPercent: share(cpu) }),
    ...(runners === undefined ? {} : { runnersCpuPercent: share(runners.reduce((a, b) => a + b, 0)) }),
  };
}

function cpuBetween(before: ProcessUsage | undefined, after: ProcessUsage | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : Math.max(0, after.cpuMs - before.cpuMs);
}
