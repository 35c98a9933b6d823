import type { World } from "@agentflow/host/clock";
import { AgentFlowError } from "@agentflow/protocol";
import { type Due, DueHeap } from "../scheduler/due-heap.ts";

/** How a run ended, for everybody who waited for it. */
export type OnEnd<End> = (end: End | undefined) => void;

interface Waiter<End> {
  readonly key: string;
  readonly onEnd: OnEnd<End>;
  due?: Due<Waiter<End>>;
}

/**
 * Who waits for the end of a run. Removed by every path: the end, the time that is over, the client that
 * left.
 */
export class Waiters<End> {
  private readonly byRun = new Map<string, Set<Waiter<End>>>();
  private readonly heap: DueHeap<Waiter<End>>;
  private readonly world: World;
  private readonly max: number;
  private count = 0;

  constructor(world: World, max: number) {
    this.world = world;
    this.max = max;
    this.heap = new DueHeap(world, (waiter) => {
      if (this.remove(waiter)) waiter.onEnd(undefined);
    });
  }

  get size(): number {
    return this.count;
  }

  has(key: string): boolean {
    return this.byRun.has(key);
  }

  /**
   * Calls `onEnd` once: with the end, or with undefined when the time is over. The returned function
   * forgets it.
   */
  add(key: string, waitMs: number, onEnd: OnEnd<End>): () => void {
    if (this.count >= this.max) {
      throw new AgentFlowError("limit_exceeded", `${this.max} clients wait for runs already`, {
        reason: "waiters_full",
        details: { max: this.max, retryAfterMs: 1_000 },
      });
    }
    const waiter: Waiter<End> = { key, onEnd };
    const set = this.byRun.get(key);
    if (set === undefined) this.byRun.set(key, new Set([waiter]));
    else set.add(waiter);
    waiter.due = this.heap.add(this.world.clock.now() + waitMs, waiter);
    this.count++;
    return () => this.remove(waiter);
  }

  ended(key: string, end: End): void {
    const set = this.byRun.get(key);
    if (set === undefined) return;
    for (const waiter of set) {
      this.remove(waiter);
      waiter.onEnd(end);
    }
  }

  /** Everybody is told that the time is over. */
  close(): void {
    for (const set of this.byRun.values()) {
      for (const waiter of set) if (this.remove(waiter)) waiter.onEnd(undefined);
    }
    this.heap.close();
  }

  private remove(waiter: Waiter<End>): boolean {
    const set = this.byRun.get(waiter.key);
    if (set?.delete(waiter) !== true) return false;
    this.count--;
    if (waiter.due !== undefined) this.heap.drop(waiter.due);
    if (set.size === 0) this.byRun.delete(waiter.key);
    return true;
  }
}
