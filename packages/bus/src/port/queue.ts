/** Queue: tasks for workers. At least once, leased, bounded; what is full refuses, nothing is dropped. */
import type { Subject } from "@agentflow/protocol";

export interface QueuedTask {
  /** The task's id: a push under an id that the queue still holds changes nothing. */
  readonly id: string;
  readonly subject: Subject;
  readonly body: string;
}

/** `full` is back-pressure: keep it and push again later. */
export type Pushed = { readonly ok: true } | { readonly ok: false; readonly reason: "full" };

export interface TakeOptions {
  /** Exact task subjects. */
  readonly subjects: readonly Subject[];
  /** Who takes: shown by `af why`, free text of at most 63 characters. */
  readonly holder: string;
  /** At most so many deliveries at work at once, and as many again whose work is done: see `reporting`. */
  readonly slots: number;
  /** A delivery not acknowledged or extended for so long goes to somebody else. */
  readonly leaseMs: number;
  readonly signal: AbortSignal;
  /**
   * Ids this holder still works on from before a lost connection: they become its own again, if free (or
   * still leased under its name). Each comes as a delivery once more, its count not raised, and that handle
   * replaces the older one. An id the queue does not know yet is kept for this holder while `take` goes on.
   */
  readonly resume?: readonly string[];
}

/** `ack`, `release`, `extend` and `bury` throw `unavailable` or `timeout` when the queue does not answer. */
export interface Delivery {
  readonly id: string;
  readonly subject: Subject;
  readonly body: string;
  /** How often it was handed out, from 1, this time included. */
  readonly delivery: number;
  /** Aborts when the lease is lost or the task was revoked: work on it is then in vain. */
  readonly lost: AbortSignal;
  /** The work is done and its report under way: held as before, but its slot is free for the next one. */
  reporting(): void;
  /** Done with it. False: the lease was lost before, somebody else may have it. Late is harmless. */
  ack(): Promise<boolean>;
  /** Give it back, to be handed out again after `delayMs`. */
  release(delayMs: number): Promise<boolean>;
  /** Keeps the lease for another `leaseMs`. False: lost. */
  extend(): Promise<boolean>;
  /** Moves it to the dead letters (`af.dead.<tenant>.<pool>`) with a reason: never handed out again. */
  bury(reason: string): Promise<boolean>;
}

export interface QueueDepth {
  readonly subject: Subject;
  readonly waiting: number;
  readonly leased: number;
}

/** A task as it lies in the queue, and what the queue knows of it. */
export interface PeekedTask extends QueuedTask {
  /** Absent where a broker does not say it of one task. */
  readonly state?: "waiting" | "leased";
  readonly holder?: string;
  /** How often it was handed out. */
  readonly deliveries?: number;
  /** When the queue took it, Unix milliseconds. */
  readonly atMs?: number;
}

export interface PeekOptions {
  /** A task subject, or a prefix of them that ends in a dot. */
  readonly subject: Subject;
  /** At most 1,000. */
  readonly limit: number;
}

export interface Queue {
  /** Changes whenever tasks may have been lost (a queue in memory that restarted): send open ones again. */
  epoch(): Promise<string>;
  /** One answer a task, in order. A task that cannot be one (name, size) fails the whole push. */
  push(tasks: readonly QueuedTask[]): Promise<readonly Pushed[]>;
  /**
   * Ends with the signal: what was handed over stays held until its lease ends, and can be acknowledged.
   * When the connection is lost it goes on by itself, what is held included, or throws `unavailable`: take
   * again, with `resume`.
   */
  take(options: TakeOptions): AsyncIterable<Delivery>;
  /** Takes tasks back: waiting ones are gone, held ones see `lost` abort. Unknown ids are ignored. */
  revoke(ids: readonly string[]): Promise<void>;
  depth(): Promise<readonly QueueDepth[]>;
  /** Tasks that lie here, waiting or leased, in no promised order. Nothing of them changes by it. */
  peek(options: PeekOptions): Promise<readonly PeekedTask[]>;
}
