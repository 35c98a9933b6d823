/** Which lines of a container were told: the time of the last one, and how many had that very time. */
export interface Told {
  readonly time: string;
  readonly count: number;
}

/**
 * For one reading of a container's output: lets those lines pass that are behind what was told. A cluster is
 * asked by whole seconds and answers with more than that.
 */
export class LineCursor {
  #told: Told | undefined;
  /** Of this reading: lines seen with the time of the last one told. */
  #seen = 0;
  #isBehind: boolean;

  constructor(told: Told | undefined) {
    this.#told = told;
    this.#isBehind = told === undefined;
  }

  get told(): Told | undefined {
    return this.#told;
  }

  /** Whether the line is new; then it counts as told. */
  take(time: string): boolean {
    if (!this.#isBehind && this.#told !== undefined) {
      const order = compareTimes(time, this.#told.time);
      if (order < 0) return false;
      if (order === 0 && ++this.#seen <= this.#told.count) return false;
    }
    // From here on everything is new, also when the node's clock is set back.
    this.#isBehind = true;
    this.#told = { time, count: this.#told?.time === time ? this.#told.count + 1 : 1 };
    return true;
  }
}

/** Nanoseconds and trailing zeros make texts of different lengths. */
export function compareTimes(a: string, b: string): number {
  const [ms, otherMs] = [Math.floor(Date.parse(a) / 1_000), Math.floor(Date.parse(b) / 1_000)];
  if (ms !== otherMs) return ms - otherMs;
  const [own, other] = [fraction(a), fraction(b)];
  return own < other ? -1 : own > other ? 1 : 0;
}

function fraction(time: string): string {
  return (/\.(\d+)/.exec(time)?.[1] ?? "").padEnd(9, "0");
}
