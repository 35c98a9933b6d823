import type { Lane, Task } from "./lane.ts";

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
  /** Ids it says it works on, which the queue has not been told of yet. */
  readonly claims: Set<string>;
  isTaking: boolean;
  turn: number;
}
