/** Worlds for tests: the machine's own time, or a fast one that jumps whenever nothing else can happen. */
import type { MemoryWorld } from "../memory/world.ts";
import type { ContractTime } from "./maker.ts";

export interface TestWorld extends MemoryWorld {
  readonly time: ContractTime;
}

/** Real timers, seeded dice. */
export function realWorld(seed = 1): TestWorld {
  return worldOf(realTime(), seed);
}

/**
 * Virtual time that drives itself: when no promise is ready, it moves to the next timer. Only for code that
 * waits for nothing but these timers.
 */
export function fastWorld(seed = 1): TestWorld {
  return worldOf(new FastTime(), seed);
}

export function realTime(): ContractTime {
  return {
    now: () => Date.now(),
    after: (ms, fn) => {
      const timer = setTimeout(fn, ms);
      return () => clearTimeout(timer);
    },
  };
}

function worldOf(time: ContractTime, seed: number): TestWorld {
  return { time, clock: time, timers: time, random: { number: dice(seed) } };
}

interface Due {
  readonly at: number;
  readonly fn: () => void;
}

class FastTime implements ContractTime {
  private at = 1_790_000_000_000;
  private readonly due: Due[] = [];
  private running = false;

  now(): number {
    return this.at;
  }

  after(ms: number, fn: () => void): () => void {
    const due: Due = { at: this.at + Math.max(0, ms), fn };
    let place = this.due.length;
    while (place > 0 && (this.due[place - 1]?.at ?? 0) > due.at) place--;
    this.due.splice(place, 0, due);
    if (!this.running) {
      this.running = true;
      setImmediate(() => this.step());
    }
    return () => {
      const index = this.due.indexOf(due);
      if (index >= 0) this.due.splice(index, 1);
    };
  }

  /** One timer for each turn of the event loop: a turn begins only when no promise is ready. */
  private step(): void {
    const next = this.due.shift();
    if (next === undefined) {
      this.running = false;
      return;
    }
    this.at = Math.max(this.at, next.at);
    next.fn();
    setImmediate(() => this.step());
  }
}

/** mulberry32: enough to be unpredictable to the code under test, the same for the same seed. */
function dice(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}
