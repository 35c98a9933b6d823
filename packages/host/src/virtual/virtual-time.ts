import { AgentFlowError } from "@agentflow/protocol";
import type { Clock, Stop, TimerOptions, Timers } from "../clock.ts";

interface Due {
  readonly at: number;
  /** Timers due at the same instant fire in the order in which they were set. */
  readonly order: number;
  readonly background: boolean;
  readonly fire: () => void;
}

export interface VirtualTimeOptions {
  /** The first instant, Unix ms. */
  readonly startMs?: number;
  /** Lets promises that are ready run on; called after each timer. The default lets all of them. */
  readonly settle?: () => Promise<void>;
}

/**
 * A clock and timers that stand still until they are driven by hand. Deterministic: the same calls fire the
 * same timers in the same order at the same instants.
 */
export class VirtualTime implements Clock, Timers {
  readonly settle: () => Promise<void>;
  private at: number;
  private readonly startMs: number;
  private order = 0;
  /** A binary heap, earliest first. */
  private readonly heap: Due[] = [];
  private readonly live = new Set<Due>();
  private foreground = 0;

  constructor(options: VirtualTimeOptions = {}) {
    this.startMs = options.startMs ?? Date.UTC(2026, 0, 1);
    this.at = this.startMs;
    this.settle = options.settle ?? settlePromises;
  }

  now(): number {
    return this.at;
  }

  monotonic(): number {
    return this.at - this.startMs;
  }

  after(ms: number, fn: () => void, options?: TimerOptions): Stop {
    const due = this.set(ms, fn, options);
    return () => this.drop(due);
  }

  every(ms: number, fn: () => void, options?: TimerOptions): Stop {
    const gap = Math.max(1, ms);
    const again = (): void => {
      due = this.set(gap, again, options);
      fn();
    };
    let due = this.set(gap, again, options);
    return () => this.drop(due);
  }

  /** When the next timer fires, or undefined when none is set. */
  nextDue(): number | undefined {
    return this.peek()?.at;
  }

  /** Timers that are set and have not fired. */
  pending(): number {
    return this.live.size;
  }

  /** Moves to the next timer and fires it, without waiting for promises. False when there is none. */
  step(): boolean {
    const due = this.peek();
    if (due === undefined) return false;
    this.pop();
    this.drop(due);
    this.at = Math.max(this.at, due.at);
    due.fire();
    return true;
  }

  /** Moves time by `ms`, firing what falls due and letting promises run on after each. */
  async advance(ms: number): Promise<void> {
    const until = this.at + ms;
    await this.settle();
    for (let next = this.nextDue(); next !== undefined && next <= until; next = this.nextDue()) {
      this.step();
      await this.settle();
    }
    this.at = Math.max(this.at, until);
  }

  /** Fires timers until only background ones are left. Refuses a world still busy after `stepsMax`. */
  async runUntilIdle(stepsMax = 100_000): Promise<void> {
    await this.settle();
    for (let steps = 0; this.foreground > 0; steps++) {
      if (steps >= stepsMax) {
        const details = { stepsMax, pending: this.live.size };
        throw new AgentFlowError("internal", `virtual time is not idle after ${stepsMax} timers`, {
          details,
        });
      }
      this.step();
      await this.settle();
    }
  }

  private set(ms: number, fire: () => void, options: TimerOptions | undefined): Due {
    const at = this.at + Math.max(0, Number.isFinite(ms) ? ms : 0);
    const due: Due = { at, order: this.order++, background: options?.background ?? false, fire };
    this.live.add(due);
    if (!due.background) this.foreground++;
    this.push(due);
    return due;
  }

  private drop(due: Due): void {
    if (this.live.delete(due) && !due.background) this.foreground--;
  }

  private peek(): Due | undefined {
    for (let top = this.heap[0]; top !== undefined; top = this.heap[0]) {
      if (this.live.has(top)) return top;
      this.pop();
    }
    return undefined;
  }

  private push(due: Due): void {
    const heap = this.heap;
    let hole = heap.push(due) - 1;
    while (hole > 0) {
      const up = (hole - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !before(due, parent)) break;
      heap[hole] = parent;
      hole = up;
    }
    heap[hole] = due;
  }

  private pop(): void {
    const heap = this.heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let hole = 0;
    for (;;) {
      const left = heap[2 * hole + 1];
      if (left === undefined) break;
      const right = heap[2 * hole + 2];
      const takeRight = right !== undefined && before(right, left);
      const child = takeRight ? right : left;
      if (!before(child, last)) break;
      heap[hole] = child;
      hole = 2 * hole + (takeRight ? 2 : 1);
    }
    heap[hole] = last;
  }
}

function before(a: Due, b: Due): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}

/** A turn of the event loop ends only when no promise is ready, so this waits for all of them. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
