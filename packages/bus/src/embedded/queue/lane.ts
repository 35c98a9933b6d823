import type { Subject } from "@agentflow/protocol";
import type { Timed } from "../wheel.ts";

/** A task the queue holds, in exactly one state. */
export interface Task extends Timed {
  readonly id: string;
  readonly subject: Subject;
  readonly body: string;
  readonly lane: Lane;
  /** `burying`: held by its taker, while its dead letter is being written. */
  state: "waiting" | "delayed" | "leased" | "burying" | "gone";
  delivery: number;
  /** Its taker has done the work and reports it: it takes no slot. */
  reporting: boolean;
  /** Who has it, while it is leased or burying. */
  taker: Taker | undefined;
  before: Task | undefined;
  after: Task | undefined;
}

/** Where a taker's tasks go. All are called from within the queue and may not call back into it. */
export interface Sink {
  deliver(task: Task): void;
  /** A task it holds, named in `resume`, is its own again under this delivery number. */
  resumed(task: Task): void;
  /** The lease of a task it held is gone, or the task itself. */
  lost(id: string): void;
  /** The queue is closed. */
  ended(): void;
}

/** One `take` call as the queue sees it. */
export interface Taker {
  readonly holder: string;
  readonly slots: number;
  readonly leaseMs: number;
  readonly sink: Sink;
  readonly lanes: readonly Lane[];
  readonly held: Map<string, Task>;
  /** How many of those are being reported. */
  reporting: number;
  /** Ids it says it works on, which the queue has not been told of yet. */
  readonly claims: Set<string>;
  isTaking: boolean;
  turn: number;
}

/** The tasks of one subject that wait, in order, and who takes them. Every operation is O(1) in tasks. */
export class Lane {
  readonly subject: Subject;
  readonly takers: Taker[] = [];
  waiting = 0;
  leased = 0;
  delayed = 0;
  #first: Task | undefined;
  #last: Task | undefined;
  #turn = 0;

  constructor(subject: Subject) {
    this.subject = subject;
  }

  get isEmpty(): boolean {
    return this.waiting + this.leased + this.delayed + this.takers.length === 0;
  }

  append(task: Task): void {
    task.state = "waiting";
    task.before = this.#last;
    task.after = undefined;
    if (this.#last === undefined) this.#first = task;
    else this.#last.after = task;
    this.#last = task;
    this.waiting++;
  }

  /** For what nobody has looked at: it keeps its place. */
  prepend(task: Task): void {
    task.state = "waiting";
    task.after = this.#first;
    task.before = undefined;
    if (this.#first === undefined) this.#last = task;
    else this.#first.before = task;
    this.#first = task;
    this.waiting++;
  }

  takeOut(task: Task): void {
    if (task.before === undefined) this.#first = task.after;
    else task.before.after = task.after;
    if (task.after === undefined) this.#last = task.before;
    else task.after.before = task.before;
    task.before = undefined;
    task.after = undefined;
    this.waiting--;
  }

  shift(): Task | undefined {
    const task = this.#first;
    if (task !== undefined) this.takeOut(task);
    return task;
  }

  /** Takers with a free slot get their turns one after the other. */
  nextTaker(): Taker | undefined {
    for (let i = 0; i < this.takers.length; i++) {
      this.#turn = (this.#turn + 1) % this.takers.length;
      const taker = this.takers[this.#turn];
      if (taker !== undefined && hasRoom(taker)) return taker;
    }
    return undefined;
  }
}

/** Reports that nobody answers do not pile up without end: then a taker waits for them. */
export function hasRoom({ held, reporting, slots }: Taker): boolean {
  return held.size - Math.min(reporting, slots) < slots;
}

/** A taker may go on with what an earlier one of its name holds, once that one takes no more. */
export function follows(taker: Taker, earlier: Taker): boolean {
  return taker.holder === earlier.holder && !earlier.isTaking;
}
