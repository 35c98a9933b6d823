import { hash } from "node:crypto";
import type { World } from "@agentflow/host/clock";
import {
  type InputId,
  instant,
  parseId,
  type Shard,
  type StartTimer,
  type TenantId,
  type TimerInput,
  unixMs,
} from "@agentflow/protocol";
import type { RunRef } from "../orchestrator/run-ref.ts";
import { type Due, DueHeap } from "./due-heap.ts";

interface Timer {
  readonly ref: RunRef;
  readonly timer: string;
}

export interface SchedulerParts {
  readonly world: World;
  readonly submit: (ref: RunRef, input: TimerInput) => void;
}

/** Timers of runs: started by commits and by recovery, fired as inputs, forgotten with their run. */
export class Scheduler {
  private readonly world: World;
  private readonly heap: DueHeap<Timer>;
  private readonly byRun = new Map<string, Map<string, Due<Timer>>>();

  constructor({ world, submit }: SchedulerParts) {
    this.world = world;
    this.heap = new DueHeap(world, ({ ref, timer }) => {
      this.forget(ref, timer);
      submit(ref, { kind: "timer", id: timerInputId(timer), at: instant(world.clock.now()), timer });
    });
  }

  get size(): number {
    return this.heap.size;
  }

  /** How many timers the runs of a tenant wait for. */
  sizeOf(tenant: TenantId): number {
    let sum = 0;
    for (const timers of this.byRun.values()) {
      const [first] = timers.values();
      if (first?.value.ref.tenant === tenant) sum += timers.size;
    }
    return sum;
  }

  has(ref: RunRef): boolean {
    return this.byRun.has(ref.key);
  }

  /** The same timer of a run again replaces the first. */
  start(ref: RunRef, { timer, due }: StartTimer): void {
    const timers = this.byRun.get(ref.key) ?? new Map<string, Due<Timer>>();
    this.byRun.set(ref.key, timers);
    const known = timers.get(timer);
    if (known !== undefined) this.heap.drop(known);
    const atMs = unixMs(due);
    timers.set(timer, this.heap.add(Number.isFinite(atMs) ? atMs : this.world.clock.now(), { ref, timer }));
  }

  /** Fires once more after a while: the run could not take it. */
  again(ref: RunRef, timer: string, delayMs: number): void {
    this.start(ref, { kind: "start_timer", timer, due: instant(this.world.clock.now() + delayMs) });
  }

  runEnded(ref: RunRef): void {
    const timers = this.byRun.get(ref.key);
    if (timers === undefined) return;
    for (const due of timers.values()) this.heap.drop(due);
    this.byRun.delete(ref.key);
  }

  /** These shards are another owner's, who starts their timers by what the log says. */
  drop(shards: ReadonlySet<Shard>): void {
    for (const [key, timers] of this.byRun) {
      const [first] = timers.values();
      if (first === undefined || !shards.has(first.value.ref.shard)) continue;
      for (const due of timers.values()) this.heap.drop(due);
      this.byRun.delete(key);
    }
  }

  stop(): void {
    this.heap.close();
    this.byRun.clear();
  }

  private forget(ref: RunRef, timer: string): void {
    const timers = this.byRun.get(ref.key);
    timers?.delete(timer);
    if (timers?.size === 0) this.byRun.delete(ref.key);
  }
}

/** The same timer fires under the same input id, whoever fires it and however often. */
export function timerInputId(timer: string): InputId {
  return parseId("input", `timer-${hash("sha256", timer).slice(0, 20)}`);
}
