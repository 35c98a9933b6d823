/** A task in somebody's hands, as this client sees it. */
import type { Subject } from "@agentflow/protocol";
import type { Delivery } from "../../port/index.ts";

/** A message of the work queue as it came: whoever has its acknowledgement subject holds the task. */
export interface Handed {
  readonly id: string;
  readonly subject: Subject;
  readonly body: string;
  readonly ackSubject: string;
  /** How often the server handed it out, this time included. */
  readonly delivered: number;
  readonly sequence: number;
  /** When the queue took it, Unix milliseconds. */
  readonly atMs: number;
  /** It is somebody's own from before: then its count is not raised by this time. */
  readonly isResumed: boolean;
}

/** Who takes, as those who share its client know it. */
export interface Holder {
  readonly options: { readonly holder: string; readonly subjects: readonly Subject[] };
  accept(handed: Handed): void;
  /** Somebody else has it now, or nobody: its slot is free. */
  forget(held: Held): void;
  /** Says once more what it claims, to whoever is new. */
  announce(): void;
}

/** What a holder does with a task, carried out by whoever took it. */
export interface Keeper extends Holder {
  reporting(held: Held): void;
  ack(held: Held): Promise<boolean>;
  release(held: Held, delayMs: number): Promise<boolean>;
  extend(held: Held): Promise<boolean>;
  bury(held: Held, reason: string): Promise<boolean>;
}

export class Held implements Delivery {
  readonly handed: Handed;
  readonly taker: Keeper;
  #lost: AbortController | undefined;
  /** Until when it is this holder's, by this process's own clock. */
  until: number;
  isReporting = false;
  /** False: given up, lost, taken back or passed on. Nothing that is said of it counts then. */
  isCurrent = true;

  constructor(handed: Handed, taker: Keeper, until: number) {
    this.handed = handed;
    this.taker = taker;
    this.until = until;
  }

  get id(): string {
    return this.handed.id;
  }

  get subject(): Subject {
    return this.handed.subject;
  }

  get body(): string {
    return this.handed.body;
  }

  get delivery(): number {
    const { delivered, isResumed } = this.handed;
    return isResumed ? Math.max(1, delivered - 1) : delivered;
  }

  get lost(): AbortSignal {
    this.#lost ??= new AbortController();
    return this.#lost.signal;
  }

  /** Whoever works on it is told that it is in vain. */
  lose(): void {
    this.isCurrent = false;
    this.#lost ??= new AbortController();
    this.#lost.abort();
  }

  reporting(): void {
    this.taker.reporting(this);
  }

  ack(): Promise<boolean> {
    return this.taker.ack(this);
  }

  release(delayMs: number): Promise<boolean> {
    return this.taker.release(this, delayMs);
  }

  extend(): Promise<boolean> {
    return this.taker.extend(this);
  }

  bury(reason: string): Promise<boolean> {
    return this.taker.bury(this, reason);
  }
}
