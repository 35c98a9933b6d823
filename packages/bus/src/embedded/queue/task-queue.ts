import { AgentFlowError, type Subject } from "@agentflow/protocol";
import { checkTake, checkTasks } from "../../port/check.ts";
import type { PeekedTask, PeekOptions, Pushed, QueueDepth, QueuedTask } from "../../port/index.ts";
import { type RedeliveryCause, Tally, type TakeNote, noteLimits } from "../notes.ts";
import type { Wheel } from "../wheel.ts";
import { peekAt } from "./peek-at.ts";
import { follows, hasRoom, Lane, type Sink, type Taker, type Task } from "./lane.ts";

export const queueLimits = {
  tasksMax: 100_000,
  bytesMax: 256 * 1024 * 1024,
  slotsMax: 10_000,
  leaseMsMax: 24 * 60 * 60 * 1000,
} as const;

export interface TakeRequest {
  readonly subjects: readonly Subject[];
  readonly holder: string;
  readonly slots: number;
  readonly leaseMs: number;
  readonly resume: readonly string[];
}

export interface TaskQueueOptions {
  readonly wheel: Wheel;
  readonly epoch: string;
  readonly tasksMax: number;
  readonly bytesMax: number;
  /** Told of tasks that change hands and of a queue that is full. */
  readonly note?: TakeNote;
}

/**
 * The queue in its owner's memory: what is lost with the process is pushed again from the log, which the new
 * epoch asks for. A task is in one lane, in one state; a lease is one entry in the wheel.
 */
export class TaskQueue {
  readonly epoch: string;
  readonly #wheel: Wheel;
  readonly #tasksMax: number;
  readonly #bytesMax: number;
  readonly #tasks = new Map<string, Task>();
  readonly #lanes = new Map<Subject, Lane>();
  readonly #claims = new Map<string, Taker>();
  readonly #note: TakeNote;
  readonly #refused = new Tally();
  #bytes = 0;
  #isClosed = false;

  constructor(options: TaskQueueOptions) {
    this.epoch = options.epoch;
    this.#wheel = options.wheel;
    this.#tasksMax = options.tasksMax;
    this.#bytesMax = options.bytesMax;
    this.#note = options.note ?? (() => {});
  }

  push(tasks: readonly QueuedTask[]): Pushed[] {
    if (this.#isClosed) throw closedError();
    checkTasks(tasks);
    return tasks.map((task) => this.#pushOne(task));
  }

  take(request: TakeRequest, sink: Sink): Taker {
    if (this.#isClosed) throw closedError();
    checkTake({ ...request, signal: unused });
    const lanes = [...new Set(request.subjects)].map((subject) => this.#lane(subject));
    const taker: Taker = {
      holder: request.holder,
      slots: Math.min(request.slots, queueLimits.slotsMax),
      leaseMs: Math.min(request.leaseMs, queueLimits.leaseMsMax),
      sink,
      lanes,
      held: new Map(),
      reporting: 0,
      claims: new Set(),
      isTaking: true,
      turn: 0,
    };
    for (const lane of lanes) lane.takers.push(taker);
    for (const id of request.resume) this.#resume(taker, id);
    this.#fill(taker);
    return taker;
  }

  /** No more for this taker. `unseen` nobody looked at: they go back as if never handed out. */
  stop(taker: Taker, unseen: readonly string[] = []): void {
    this.#leave(taker);
    for (const id of unseen) {
      const task = taker.held.get(id);
      if (task?.state !== "leased") continue;
      task.delivery--;
      this.#unlease(task);
      task.lane.prepend(task);
      this.#pump(task.lane);
    }
  }

  /** The taker is gone for good: whatever it still holds goes to somebody else. */
  abandon(taker: Taker): void {
    this.#leave(taker);
    for (const id of taker.claims) this.#claims.delete(id);
    taker.claims.clear();
    let told = 0;
    for (const task of taker.held.values()) {
      if (task.state !== "leased") continue;
      if (told++ < noteLimits.redeliveriesPerBurst) this.#tellOf(task, "holder_gone");
      this.#giveBack(task);
    }
  }

  /** What is held goes on being held; its slot goes to whatever waits. */
  reporting(taker: Taker, id: string, delivery: number): void {
    const task = this.#heldBy(taker, id, delivery);
    if (task === undefined || task.reporting) return;
    task.reporting = true;
    taker.reporting++;
    this.#fill(taker);
  }

  ack(taker: Taker, id: string, delivery: number): boolean {
    const task = this.#heldBy(taker, id, delivery);
    if (task === undefined) return false;
    this.#drop(task);
    this.#fill(taker);
    return true;
  }

  release(taker: Taker, of: { id: string; delivery: number; delayMs: number }): boolean {
    const task = this.#heldBy(taker, of.id, of.delivery);
    if (task === undefined) return false;
    if (of.delayMs > 0) {
      this.#unlease(task);
      task.state = "delayed";
      task.lane.delayed++;
      this.#wheel.add(task, Math.min(of.delayMs, queueLimits.leaseMsMax));
    } else {
      this.#giveBack(task);
    }
    this.#fill(taker);
    return true;
  }

  extend(taker: Taker, id: string, delivery: number): boolean {
    const task = this.#heldBy(taker, id, delivery);
    if (task === undefined) return false;
    this.#wheel.remove(task);
    this.#wheel.add(task, taker.leaseMs);
    return true;
  }

  /** Keeps the task with its taker, lease or no lease, until `buried` or `unburied` is called. */
  beginBurial(taker: Taker, id: string, delivery: number): Task | undefined {
    const task = this.#heldBy(taker, id, delivery);
    if (task === undefined) return undefined;
    this.#wheel.remove(task);
    task.state = "burying";
    return task;
  }

  buried(task: Task): void {
    const { taker } = task;
    if (task.state !== "burying" || taker === undefined) return;
    this.#drop(task);
    this.#fill(taker);
  }

  unburied(task: Task): void {
    if (task.state !== "burying" || task.taker === undefined) return;
    task.state = "leased";
    this.#wheel.add(task, task.taker.leaseMs);
  }

  revoke(ids: readonly string[]): void {
    for (const id of ids) {
      const task = this.#tasks.get(id);
      if (task === undefined || task.state === "burying") continue;
      const { taker } = task;
      this.#drop(task);
      taker?.sink.lost(id);
      if (taker !== undefined) this.#fill(taker);
    }
  }

  depth(): QueueDepth[] {
    const depths: QueueDepth[] = [];
    for (const lane of this.#lanes.values()) {
      const waiting = lane.waiting + lane.delayed;
      if (waiting + lane.leased > 0) depths.push({ subject: lane.subject, waiting, leased: lane.leased });
    }
    return depths;
  }

  peek(options: PeekOptions): PeekedTask[] {
    return peekAt(this.#tasks.values(), options);
  }

  get size() {
    return { messages: this.#tasks.size, bytes: this.#bytes } as const;
  }

  /** Nothing is taken or handed out any more. */
  close(): void {
    this.#isClosed = true;
    for (const lane of this.#lanes.values()) {
      for (const taker of lane.takers) {
        taker.isTaking = false;
        taker.sink.ended();
      }
    }
    this.#lanes.clear();
    this.#tasks.clear();
  }

  #pushOne(pushed: QueuedTask): Pushed {
    const { id, subject, body } = pushed;
    if (this.#tasks.has(id)) return { ok: true };
    const bytes = sizeOf(pushed);
    if (this.#tasks.size >= this.#tasksMax || this.#bytes + bytes > this.#bytesMax) {
      this.#tellFull();
      return { ok: false, reason: "full" };
    }
    const task: Task = {
      id,
      subject,
      body,
      lane: this.#lane(subject),
      state: "waiting",
      delivery: 0,
      reporting: false,
      taker: undefined,
      before: undefined,
      after: undefined,
      slot: undefined,
      expire: () => this.#expire(task),
    };
    this.#tasks.set(id, task);
    this.#bytes += bytes;
    const claimant = this.#claims.get(id);
    if (claimant === undefined) {
      task.lane.append(task);
      this.#pump(task.lane);
    } else {
      this.#unclaim(claimant, id);
      this.#hand(task, claimant, "resumed");
    }
    return { ok: true };
  }

  #resume(taker: Taker, id: string): void {
    const task = this.#tasks.get(id);
    if (task === undefined) {
      const earlier = this.#claims.get(id);
      if (earlier !== undefined) this.#unclaim(earlier, id);
      taker.claims.add(id);
      this.#claims.set(id, taker);
      return;
    }
    if (task.state === "waiting") task.lane.takeOut(task);
    else if (task.state === "delayed") this.#undelay(task);
    else if (task.state === "leased" && task.taker !== undefined && follows(taker, task.taker)) {
      this.#unlease(task);
    } else {
      taker.sink.lost(id);
      return;
    }
    this.#hand(task, taker, "resumed");
  }

  /** Gives what waits in a lane to takers with free slots. */
  #pump(lane: Lane): void {
    while (lane.waiting > 0) {
      const taker = lane.nextTaker();
      if (taker === undefined) return;
      const task = lane.shift();
      if (task !== undefined) this.#hand(task, taker, "delivered");
    }
  }

  /** Gives a taker with free slots what waits, from one of its lanes after the other. */
  #fill(taker: Taker): void {
    let empty = 0;
    while (taker.isTaking && hasRoom(taker) && empty < taker.lanes.length) {
      taker.turn = (taker.turn + 1) % taker.lanes.length;
      const task = taker.lanes[taker.turn]?.shift();
      if (task === undefined) empty++;
      else {
        empty = 0;
        this.#hand(task, taker, "delivered");
      }
    }
  }

  #hand(task: Task, taker: Taker, as: "delivered" | "resumed"): void {
    task.state = "leased";
    task.taker = taker;
    task.lane.leased++;
    taker.held.set(task.id, task);
    this.#wheel.add(task, taker.leaseMs);
    if (as === "delivered" || task.delivery === 0) task.delivery++;
    if (as === "delivered") taker.sink.deliver(task);
    else taker.sink.resumed(task);
  }

  #expire(task: Task): void {
    if (task.state === "delayed") {
      task.lane.delayed--;
      task.lane.append(task);
      this.#pump(task.lane);
    } else if (task.state === "leased" && task.taker !== undefined) {
      const { taker } = task;
      taker.sink.lost(task.id);
      this.#tellOf(task, "lease_ran_out");
      this.#giveBack(task);
      this.#fill(taker);
    }
  }

  #giveBack(task: Task): void {
    this.#unlease(task);
    // Behind the others: one that ends every worker must not keep them from all else.
    task.lane.append(task);
    this.#pump(task.lane);
  }

  #tellOf(task: Task, why: RedeliveryCause): void {
    this.#note({ kind: "redelivered", id: task.id, holder: task.taker?.holder ?? "nobody", why });
  }

  #tellFull(): void {
    const sum = this.#refused.add(1, performance.now());
    if (sum !== undefined) this.#note({ kind: "queue_full", tasks: this.#tasks.size, refused: sum.count });
  }

  #heldBy(taker: Taker, id: string, delivery: number): Task | undefined {
    const task = taker.held.get(id);
    if (task === undefined) this.#unclaim(taker, id);
    return task?.state === "leased" && task.delivery === delivery ? task : undefined;
  }

  #unlease(task: Task): void {
    this.#wheel.remove(task);
    const { taker } = task;
    taker?.held.delete(task.id);
    if (taker !== undefined && task.reporting) taker.reporting--;
    task.reporting = false;
    task.taker = undefined;
    task.lane.leased--;
  }

  #undelay(task: Task): void {
    this.#wheel.remove(task);
    task.lane.delayed--;
  }

  #drop(task: Task): void {
    if (task.state === "waiting") task.lane.takeOut(task);
    else if (task.state === "delayed") this.#undelay(task);
    else this.#unlease(task);
    task.state = "gone";
    this.#tasks.delete(task.id);
    this.#bytes -= sizeOf(task);
    if (task.lane.isEmpty) this.#lanes.delete(task.subject);
  }

  #unclaim(taker: Taker, id: string): void {
    if (taker.claims.delete(id)) this.#claims.delete(id);
  }

  #leave(taker: Taker): void {
    taker.isTaking = false;
    for (const lane of taker.lanes) {
      const at = lane.takers.indexOf(taker);
      if (at >= 0) lane.takers.splice(at, 1);
      if (lane.isEmpty) this.#lanes.delete(lane.subject);
    }
  }

  #lane(subject: Subject): Lane {
    let lane = this.#lanes.get(subject);
    if (lane === undefined) {
      lane = new Lane(subject);
      this.#lanes.set(subject, lane);
    }
    return lane;
  }
}

function sizeOf(task: QueuedTask): number {
  return task.id.length + task.subject.length + task.body.length;
}

const unused = new AbortController().signal;

function closedError(): AgentFlowError {
  return new AgentFlowError("unavailable", "the queue is closed", { reason: "closed" });
}
