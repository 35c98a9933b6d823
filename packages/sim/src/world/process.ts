/** A process of the simulation: code that can be stopped for a while, or for good, at any instant. */
import type { Stop, TimerOptions, Timers, World } from "@agentflow/host/clock";
import type { SeededRandom, VirtualTime } from "@agentflow/host/virtual";

export interface ProcessOptions {
  readonly name: string;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  /** How far this machine's clock is off. */
  readonly skewMs?: number;
}

/**
 * Everything that wakes code up passes through here: timers, answers, requests. A paused process hears
 * nothing until it is resumed, then all of it, as after SIGSTOP and SIGCONT; a dead one never hears
 * anything again.
 */
export class SimProcess {
  readonly name: string;
  readonly world: World;
  private state: "running" | "paused" | "dead" = "running";
  private woken: Promise<void> = Promise.resolve();
  private wake: () => void = () => undefined;
  private frozen: (() => void)[] = [];
  private readonly timers = new Set<Stop>();
  private readonly time: VirtualTime;

  constructor({ name, time, random, skewMs = 0 }: ProcessOptions) {
    this.name = name;
    this.time = time;
    // Each machine counts from a point of its own, which tells nothing to another.
    const clock = { now: () => time.now() + skewMs, monotonic: () => time.monotonic() + 3 * skewMs };
    this.world = { clock, timers: this.gatedTimers(), random };
  }

  get alive(): boolean {
    return this.state !== "dead";
  }

  get running(): boolean {
    return this.state === "running";
  }

  pause(): void {
    if (this.state !== "running") return;
    this.state = "paused";
    this.woken = new Promise((resolve) => (this.wake = resolve));
  }

  resume(): void {
    if (this.state !== "paused") return;
    this.state = "running";
    this.wake();
    for (const fn of this.frozen.splice(0)) this.run(fn);
  }

  kill(): void {
    this.state = "dead";
    this.frozen = [];
    for (const stop of this.timers) stop();
    this.timers.clear();
  }

  /** Calls now, once the process is resumed, or never. */
  run(fn: () => void): void {
    if (this.state === "running") fn();
    else if (this.state === "paused") this.frozen.push(fn);
  }

  /** Resolves when the process runs: at once, later, or never. */
  async gate(): Promise<void> {
    while (this.state === "paused") await this.woken;
    if (this.state === "dead") await never();
  }

  /** What the promise settles with, when the process can hear it. */
  async pass<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } finally {
      if (this.state !== "running") await this.gate();
    }
  }

  private gatedTimers(): Timers {
    const after = (ms: number, fn: () => void, options?: TimerOptions): Stop => {
      let over = false;
      const ring = (): void => {
        this.timers.delete(stopTimer);
        this.run(() => {
          if (!over) fn();
        });
      };
      const stopTimer = this.time.after(ms, ring, options);
      this.timers.add(stopTimer);
      return () => {
        over = true;
        stopTimer();
        this.timers.delete(stopTimer);
      };
    };
    const every = (ms: number, fn: () => void, options?: TimerOptions): Stop => {
      const tick = (): void => {
        stop = after(Math.max(1, ms), tick, options);
        fn();
      };
      let stop = after(Math.max(1, ms), tick, options);
      return () => stop();
    };
    return { after, every };
  }
}

/** Its own each time: a shared one would remember everybody who ever waited on it. */
function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}
