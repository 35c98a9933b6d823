/** One client's connection to the store: what every call of it goes through. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Bell } from "./bell.ts";
import type { Operation, Weather } from "./weather.ts";

/** How long a client that is cut off waits for an answer. */
const partitionTimeoutMs = 2_000;

export class Link {
  readonly name: string;
  readonly weather: Weather;
  readonly closed: Promise<Error | undefined>;
  /** Nothing passes, in either direction. */
  partitioned = false;
  private end: { readonly error: Error | undefined } | undefined;
  private crashed = false;
  private settle: (error: Error | undefined) => void = () => undefined;
  private readonly bells = new Map<Bell, { cut: boolean }>();
  private readonly onEnd = new Set<() => void>();

  constructor(name: string, weather: Weather) {
    this.name = name;
    this.weather = weather;
    this.closed = new Promise((resolve) => (this.settle = resolve));
  }

  get alive(): boolean {
    return this.end === undefined;
  }

  /** True while messages pass. */
  get up(): boolean {
    return this.alive && !this.partitioned;
  }

  /** There, done, and back; each way may fail, and the caller cannot tell which one did. */
  async call<T>(operation: Operation, work: () => T): Promise<T> {
    this.requireAlive();
    await this.weather.there(operation);
    // What a process had sent before it died may arrive all the same.
    if (this.crashed && this.weather.happens(0.5)) work();
    await this.cross();
    const fault = this.weather.strike(operation, this.name);
    if (fault === "before") throw gone(`${operation}: the store did not answer`);
    const result = work();
    await this.weather.back(operation);
    await this.cross();
    if (fault === "after") throw gone(`${operation}: the answer was lost`);
    return result;
  }

  requireAlive(): void {
    if (!this.alive) throw gone(`the bus of ${this.name} is closed`);
  }

  /** A stream of this client: the bell rings when it should look again, `cut` when it has to end. */
  open(bell: Bell): { readonly cut: boolean } {
    const state = { cut: false };
    this.bells.set(bell, state);
    return state;
  }

  shut(bell: Bell): void {
    this.bells.delete(bell);
  }

  /** Calls `fn` when the client is gone for good; the result forgets it. */
  atEnd(fn: () => void): () => void {
    this.onEnd.add(fn);
    return () => this.onEnd.delete(fn);
  }

  partition(on: boolean): void {
    this.partitioned = on;
    for (const bell of this.bells.keys()) bell.ring();
  }

  /** Every stream of this client ends with an error; the client may go on. */
  disconnect(): void {
    for (const [bell, state] of this.bells) {
      state.cut = true;
      bell.ring();
    }
  }

  /** The process died; the store lives on. */
  crash(): void {
    this.crashed = this.alive;
    this.finish(gone(`${this.name} crashed`));
  }

  finish(error: Error | undefined): void {
    if (!this.alive) return;
    this.end = { error };
    this.disconnect();
    for (const fn of this.onEnd) fn();
    this.onEnd.clear();
    this.settle(error);
  }

  private async cross(): Promise<void> {
    if (this.alive && this.partitioned) {
      await this.weather.pass(partitionTimeoutMs);
      throw new AgentFlowError("timeout", `no answer for ${this.name} within ${partitionTimeoutMs} ms`);
    }
    this.requireAlive();
  }
}

export function gone(message: string): AgentFlowError {
  return new AgentFlowError("unavailable", message);
}
