/** What the runs of all control planes do, counted as the log brings it: while somebody watches. */
import type { Stop, World } from "@agentflow/host/clock";
import {
  type RunEvent,
  type StepLatency,
  type TenantId,
  type TopCounters,
  unixMs,
} from "@agentflow/protocol";
import type { Hub } from "../projector/hub.ts";
import type { LogRecordOfRun } from "../projector/log-tail.ts";

export interface CountersParts {
  readonly hub: Pick<Hub, "tap">;
  readonly world: Pick<World, "clock" | "timers">;
}

/** Nobody asked for so long: counting ends, and costs nothing until somebody asks again. */
const unwatchedMs = 120_000;
const tenantsMax = 1_000;
const samplesMax = 512;
const openStepsMax = 20_000;

type Counts = { -readonly [Name in keyof TopCounters]: number };

interface Tally {
  readonly counts: Counts;
  /** Of the newest steps, in no order. */
  readonly samples: number[];
  next: number;
}

export interface Counted {
  readonly sinceMs: number;
  readonly counters: TopCounters;
  readonly steps: StepLatency;
}

export class Counters {
  private readonly parts: CountersParts;
  private readonly byTenant = new Map<string, Tally>();
  private all = emptyTally();
  /** When the open steps were dispatched; the oldest is forgotten first. */
  private readonly dispatched = new Map<string, number>();
  private sinceMs = 0;
  private stopCounting: Stop | undefined;
  private stopTimer: Stop = () => undefined;

  constructor(parts: CountersParts) {
    this.parts = parts;
  }

  /** Totals since counting began, which this call may be; of one tenant or of all. */
  read(tenant: TenantId | undefined): Counted {
    this.watch();
    const tally = tenant === undefined ? this.all : (this.byTenant.get(tenant) ?? emptyTally());
    return { sinceMs: this.sinceMs, counters: { ...tally.counts }, steps: latencyOf(tally.samples) };
  }

  stop(): void {
    this.stopTimer();
    this.stopCounting?.();
    this.stopCounting = undefined;
    this.byTenant.clear();
    this.dispatched.clear();
    this.all = emptyTally();
  }

  private watch(): void {
    const { hub, world } = this.parts;
    this.stopTimer();
    this.stopTimer = world.timers.after(unwatchedMs, () => this.stop(), { background: true });
    if (this.stopCounting !== undefined) return;
    this.sinceMs = world.clock.now();
    this.stopCounting = hub.tap((record) => this.count(record));
  }

  private count({ tenant, run, parsed }: LogRecordOfRun): void {
    if (!parsed.ok) return;
    const tally = this.tallyOf(tenant);
    for (const event of parsed.commit.events) {
      const ms = this.latency(`${tenant} ${run}`, event);
      for (const one of tally === this.all ? [tally] : [tally, this.all]) {
        countEvent(one.counts, event);
        if (ms !== undefined) one.samples[one.next++ % samplesMax] = ms;
      }
    }
  }

  private tallyOf(tenant: string): Tally {
    const known = this.byTenant.get(tenant);
    if (known !== undefined) return known;
    if (this.byTenant.size >= tenantsMax) return this.all;
    const made = emptyTally();
    this.byTenant.set(tenant, made);
    return made;
  }

  /** From the dispatch that was seen to the success, of the attempt that brought it. */
  private latency(run: string, event: RunEvent): number | undefined {
    if (event.kind === "task_dispatched") {
      this.dispatched.set(`${run} ${event.step} ${event.attempt}`, unixMs(event.at));
      if (this.dispatched.size <= openStepsMax) return undefined;
      for (const oldest of this.dispatched.keys()) return void this.dispatched.delete(oldest);
    }
    if (event.kind !== "step_succeeded" && event.kind !== "attempt_failed") return undefined;
    const key = `${run} ${event.step} ${event.attempt ?? 0}`;
    const from = this.dispatched.get(key);
    this.dispatched.delete(key);
    const isSample = event.kind === "step_succeeded" && from !== undefined;
    return isSample ? Math.max(0, unixMs(event.at) - from) : undefined;
  }
}

function emptyTally(): Tally {
  const counts = {
    runsStarted: 0,
    runsCompleted: 0,
    runsFailed: 0,
    runsCancelled: 0,
    stepsSucceeded: 0,
    attemptsFailed: 0,
  };
  return { counts, samples: [], next: 0 };
}

const counted: { readonly [kind: string]: keyof TopCounters | undefined } = {
  run_started: "runsStarted",
  run_completed: "runsCompleted",
  run_failed: "runsFailed",
  run_cancelled: "runsCancelled",
  step_succeeded: "stepsSucceeded",
  attempt_failed: "attemptsFailed",
};

function countEvent(counts: Counts, { kind }: RunEvent): void {
  const name = counted[kind];
  if (name !== undefined) counts[name]++;
}

function latencyOf(samples: readonly number[]): StepLatency {
  if (samples.length === 0) return { samples: 0 };
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { samples: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95) };
}
