import type { Stop, World } from "@agentflow/host/clock";

/** Something due at an instant. Taken back by `drop`; after that it is never handed out. */
export interface Due<T> {
  readonly atMs: number;
  readonly order: number;
  readonly value: T;
  gone: boolean;
}

/**
 * The longest sleep: a machine that was suspended, or whose clock was set forward, has not heard of the time
 * that passed, so what became due meanwhile is looked for this often.
 */
const lookMsMax = 60_000;

/**
 * Many instants behind one timer of the world. What is dropped leaves the memory when half of it is dropped,
 * so dropping costs nothing and a long wait that ended early is not kept until it would have been due.
 */
export class DueHeap<T> {
  private readonly world: World;
  private readonly fire: (value: T, atMs: number) => void;
  private heap: Due<T>[] = [];
  private order = 0;
  private dropped = 0;
  private armed: { atMs: number; stop: Stop } | undefined;
  private closed = false;

  constructor(world: World, fire: (value: T, atMs: number) => void) {
    this.world = world;
    this.fire = fire;
  }

  get size(): number {
    return this.heap.length - this.dropped;
  }

  add(atMs: number, value: T): Due<T> {
    const due = { atMs, order: this.order++, value, gone: false };
    this.push(due);
    if (this.armed === undefined || atMs < this.armed.atMs) this.arm();
    return due;
  }

  drop(due: Due<T>): void {
    if (due.gone) return;
    due.gone = true;
    this.dropped++;
    if (this.dropped > 64 && this.dropped * 2 > this.heap.length) this.compact();
  }

  close(): void {
    this.closed = true;
    this.armed?.stop();
    this.armed = undefined;
    this.heap = [];
    this.dropped = 0;
  }

  private compact(): void {
    const kept = this.heap.filter((due) => !due.gone);
    this.heap = [];
    this.dropped = 0;
    for (const due of kept) this.push(due);
  }

  private arm(): void {
    const first = this.peek();
    if (first?.atMs === this.armed?.atMs && first !== undefined) return;
    this.armed?.stop();
    this.armed = undefined;
    if (first === undefined || this.closed) return;
    const wait = Math.min(Math.max(0, first.atMs - this.world.clock.now()), lookMsMax);
    const stop = this.world.timers.after(wait, () => this.ring(), { background: true });
    this.armed = { atMs: first.atMs, stop };
  }

  private ring(): void {
    this.armed = undefined;
    const now = this.world.clock.now();
    for (let first = this.peek(); first !== undefined && first.atMs <= now; first = this.peek()) {
      this.pop();
      first.gone = true;
      this.fire(first.value, first.atMs);
    }
    this.arm();
  }

  private peek(): Due<T> | undefined {
    for (let first = this.heap[0]; first !== undefined; first = this.heap[0]) {
      if (!first.gone) return first;
      this.pop();
      this.dropped--;
    }
    return undefined;
  }

  private push(due: Due<T>): void {
    const { heap } = this;
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
    const { heap } = this;
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

function before<T>(a: Due<T>, b: Due<T>): boolean {
  return a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs;
}
