/** How far the clocks of processes are from those of the runs' histories, as far as causes prove it. */
import type { Line } from "./line.ts";

interface Bounds {
  /** Its lines cannot have been said before what caused them: at least so much is added to its clock. */
  atLeastMs: number;
  /** Nor after what they led to: at most so much. */
  atMostMs: number;
}

interface Place {
  readonly lane: string;
  readonly keys: readonly string[];
  readonly atMs: number;
}

const rememberedMax = 20_000;

export class Clocks {
  private readonly bounds = new Map<string, Bounds>();
  private readonly begun = new Map<string, number>();
  private readonly said = new Map<string, { readonly lane: string; readonly atMs: number }>();

  learn({ role }: Line, { lane, keys, atMs }: Place): void {
    if (role === "begins") for (const key of keys) keep(this.begun, key, atMs);
    if (role === "between") {
      for (const key of keys) {
        const begunMs = this.begun.get(key);
        if (begunMs !== undefined) this.atLeast(lane, begunMs - atMs);
        keep(this.said, key, { lane, atMs });
      }
    }
    if (role !== "ends") return;
    for (const key of keys) {
      const last = this.said.get(key);
      if (last !== undefined) this.atMost(last.lane, atMs - last.atMs);
    }
  }

  /**
   * The smallest correction that fits. Where a line came after an end it had no part in, the bounds
   * contradict each other: then it holds that nothing precedes its cause.
   */
  shiftOf(lane: string): number {
    const bounds = this.bounds.get(lane);
    return bounds === undefined ? 0 : Math.max(Math.min(0, bounds.atMostMs), bounds.atLeastMs);
  }

  private atLeast(lane: string, ms: number): void {
    const bounds = this.boundsOf(lane);
    bounds.atLeastMs = Math.max(bounds.atLeastMs, ms);
  }

  private atMost(lane: string, ms: number): void {
    const bounds = this.boundsOf(lane);
    bounds.atMostMs = Math.min(bounds.atMostMs, ms);
  }

  private boundsOf(lane: string): Bounds {
    const known = this.bounds.get(lane);
    if (known !== undefined) return known;
    const bounds = { atLeastMs: Number.NEGATIVE_INFINITY, atMostMs: Number.POSITIVE_INFINITY };
    keep(this.bounds, lane, bounds);
    return bounds;
  }
}

function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= rememberedMax) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
