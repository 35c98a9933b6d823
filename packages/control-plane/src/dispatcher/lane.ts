import type { BuildId, DispatchTask, PoolName, Subject, TaskId, TenantId } from "@agentflow/protocol";
import type { RunRef } from "../orchestrator/run-ref.ts";

/** What of a run every task of it carries. */
export interface TaskContext {
  readonly workflow: string;
  readonly build: BuildId;
  readonly traceparent?: string;
}

/** A task that was committed and whose attempt is open. */
export interface Item {
  readonly ref: RunRef;
  readonly id: TaskId;
  readonly command: DispatchTask;
  readonly context: TaskContext;
  readonly lane: Lane;
  /** The commit that holds the command; unknown (0) after a recovery. */
  readonly revision: number;
  /** What it weighs in memory: its part of the commit that asked for it. */
  readonly bytes: number;
  /** Grows: what came first, goes first. */
  readonly order: number;
  readonly sinceMs: number;
  /**
   * `waiting` in the backlog, `pushing`, `sent` to the queue, `gone`: its attempt has ended, `left`: its run
   * is another owner's.
   */
  state: "waiting" | "pushing" | "sent" | "gone" | "left";
  sentMs: number;
}

/** Tasks of one tenant for one pool and build: first in, first out. */
export class Lane {
  readonly tenant: TenantId;
  readonly pool: PoolName;
  readonly build: BuildId;
  readonly subject: Subject;
  waiting = 0;
  outstanding = 0;
  /** What those weigh that are outstanding. */
  outBytes = 0;
  private items: Item[] = [];
  private head = 0;
  /** Given back by the queue: they go before the others. */
  private readonly returned: Item[] = [];

  constructor(of: { tenant: TenantId; pool: PoolName; build: BuildId; subject: Subject }) {
    this.tenant = of.tenant;
    this.pool = of.pool;
    this.build = of.build;
    this.subject = of.subject;
  }

  add(item: Item): void {
    this.items.push(item);
    this.waiting++;
  }

  /** The queue has it already. */
  adopt(item: Item): void {
    item.state = "sent";
    this.outstanding++;
    this.outBytes += item.bytes;
  }

  giveBack(item: Item): void {
    item.state = "waiting";
    this.returned.push(item);
    this.waiting++;
    this.outstanding--;
    this.outBytes -= item.bytes;
  }

  /** The oldest that waits, now outstanding. */
  take(): Item | undefined {
    for (let item = this.shift(); item !== undefined; item = this.shift()) {
      if (item.state !== "waiting") continue;
      item.state = "pushing";
      this.waiting--;
      this.outstanding++;
      this.outBytes += item.bytes;
      return item;
    }
    return undefined;
  }

  /** Its attempt has ended. */
  remove(item: Item): void {
    if (item.state === "waiting") this.waiting--;
    else if (item.state !== "gone") {
      this.outstanding--;
      this.outBytes -= item.bytes;
    }
    item.state = "gone";
    // Nothing waits: what is left in the list is gone, and must not be kept alive by it.
    if (this.waiting === 0) this.clear();
  }

  private clear(): void {
    this.items = [];
    this.head = 0;
    this.returned.length = 0;
  }

  private shift(): Item | undefined {
    const first = this.returned.shift();
    if (first !== undefined) return first;
    const item = this.items[this.head];
    if (item === undefined) return undefined;
    this.head++;
    if (this.head > 1_024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }
}
