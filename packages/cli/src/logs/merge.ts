/**
 * Lines of many processes in one order: what one process said stays in its order, what is known to be a cause
 * goes before its effect, and everything else goes by time. Clocks may differ: one that the causes
 * prove wrong
 * is corrected by as much as they prove. See docs/adr/0034-order-of-logs.md.
 */
import { Clocks } from "./clocks.ts";
import { Heads } from "./heads.ts";
import { type Line, keysOf, laneOf } from "./line.ts";

interface Waiting {
  readonly line: Line;
  readonly lane: Lane;
  readonly keys: readonly string[];
  readonly atMs: number;
  /** By the clock of this process. */
  readonly dueMs: number;
  out: boolean;
}

interface Lane {
  readonly name: string;
  queue: Waiting[];
  head: number;
}

export class Merge {
  private readonly clocks = new Clocks();
  private readonly lanes = new Map<string, Lane>();
  private readonly heads = new Heads<Lane>();
  /**
   * Lanes whose head waits: for the beginning of what it belongs to, or for the last lines of what it
   * ends.
   */
  private readonly parked = new Map<string, Set<Lane>>();
  /** How many beginnings, and how many lines between beginning and end, wait under a key. */
  private readonly begins = new Map<string, number>();
  private readonly between = new Map<string, number>();
  private arrived: Waiting[] = [];
  private first = 0;

  /** Whether anything waits, and until when the oldest may. */
  get nextDueMs(): number | undefined {
    return this.arrived[this.first]?.dueMs;
  }

  /** What a line proves of clocks, before any line is put in its place. */
  learn(line: Line): void {
    const atMs = Date.parse(line.record.at);
    this.clocks.learn(line, { lane: laneOf(line), keys: keysOf(line), atMs });
  }

  add(line: Line, dueMs = 0): void {
    const name = laneOf(line);
    const lane = this.lanes.get(name) ?? { name, queue: [], head: 0 };
    this.lanes.set(name, lane);
    const keys = keysOf(line);
    const atMs = Date.parse(line.record.at);
    const waiting = { line, lane, keys, atMs, dueMs, out: false };
    lane.queue.push(waiting);
    this.arrived.push(waiting);
    this.clocks.learn(line, { lane: name, keys, atMs });
    const counts = this.countsOf(line);
    if (counts !== undefined) for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
    if (lane.queue.length - lane.head === 1) this.show(lane);
  }

  /** Hands out every line that is due, each after all that go before it. */
  take(nowMs: number, handOut: (line: Line) => void): void {
    for (;;) {
      const oldest = this.arrived[this.first];
      if (oldest === undefined || (!oldest.out && oldest.dueMs > nowMs)) break;
      if (oldest.out) this.first++;
      else handOut(this.next().line);
    }
    if (this.first < 1_024 && this.first < this.arrived.length) return;
    this.arrived = this.arrived.slice(this.first);
    this.first = 0;
  }

  /** By how much the clock of a process is corrected, in milliseconds; positive when it is behind. */
  shiftOf(line: Line): number {
    return this.clocks.shiftOf(laneOf(line));
  }

  private next(): Waiting {
    for (;;) {
      const first = this.heads.take();
      if (first === undefined) return this.force();
      const lane = first.value;
      const head = lane.queue[lane.head];
      if (head === undefined) continue;
      const timeMs = this.timeOf(lane);
      if (timeMs > first.timeMs) {
        // Its clock was found to be behind since it was put there.
        this.heads.add(lane, timeMs);
        continue;
      }
      const key = this.obstacle(head);
      if (key === undefined) return this.out(head);
      const others = this.parked.get(key) ?? new Set();
      this.parked.set(key, others.add(lane));
    }
  }

  /** Causes that contradict each other stand in no order: the oldest goes. */
  private force(): Waiting {
    const lanes = [...this.lanes.values()].filter(({ queue, head }) => head < queue.length);
    const [first] = lanes.toSorted((a, b) => this.timeOf(a) - this.timeOf(b));
    const head = first?.queue[first.head];
    if (first === undefined || head === undefined) throw new Error("nothing waits");
    for (const others of this.parked.values()) others.delete(first);
    return this.out(head);
  }

  private obstacle({ line, keys }: Waiting): string | undefined {
    if (line.role === "between") return keys.find((key) => this.begins.has(key));
    return line.role === "ends" ? keys.find((key) => this.between.has(key)) : undefined;
  }

  private out(waiting: Waiting): Waiting {
    const { lane, line, keys } = waiting;
    waiting.out = true;
    lane.head++;
    if (lane.head === lane.queue.length) this.lanes.delete(lane.name);
    else {
      if (lane.head > 1_024) {
        // Also forgets what was handed out.
        lane.queue = lane.queue.slice(lane.head);
        lane.head = 0;
      }
      this.show(lane);
    }
    const counts = this.countsOf(line);
    if (counts !== undefined) for (const key of keys) this.lessen(counts, key);
    return waiting;
  }

  private lessen(counts: Map<string, number>, key: string): void {
    const left = (counts.get(key) ?? 0) - 1;
    if (left > 0) {
      counts.set(key, left);
      return;
    }
    counts.delete(key);
    const lanes = this.parked.get(key);
    this.parked.delete(key);
    for (const lane of lanes ?? []) this.show(lane);
  }

  private countsOf({ role }: Line): Map<string, number> | undefined {
    if (role === "begins") return this.begins;
    return role === "between" ? this.between : undefined;
  }

  private show(lane: Lane): void {
    this.heads.add(lane, this.timeOf(lane));
  }

  private timeOf(lane: Lane): number {
    return (lane.queue[lane.head]?.atMs ?? 0) + this.clocks.shiftOf(lane.name);
  }
}
