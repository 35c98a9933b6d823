/** What happens between a client and the store: delay, and the faults that a simulation asked for. */
import { nasty, type Nastiness, polite } from "./nastiness.ts";
import type { MemoryWorld } from "./world.ts";

/** Calls that can be made to fail by `failNext`. */
export type Operation =
  | "append"
  | "read"
  | "push"
  | "ack"
  | "extend"
  | "revoke"
  | "table_get"
  | "table_put"
  | "blob_put"
  | "blob_get"
  | "request"
  | "serve"
  | "take";

/** `before`: nothing was carried out. `after`: it was, and only the answer is lost. */
export type When = "before" | "after";

const onDisk: readonly Operation[] = ["append", "table_put", "blob_put"];

export interface WeatherOptions {
  readonly polite?: boolean;
  /** Overrides single sides of the default. */
  readonly nasty?: Partial<Nastiness>;
}

export class Weather {
  readonly world: MemoryWorld;
  readonly nasty: Nastiness;
  /** Every durable write takes so much longer before it is stored. */
  diskMs = 0;
  /** Every answer of a durable write comes so much later, though the write is stored. */
  answerMs = 0;
  private readonly strikes: { operation: Operation; when: When; client: string | undefined }[] = [];

  constructor(world: MemoryWorld, options: WeatherOptions) {
    this.world = world;
    this.nasty = { ...(options.polite ? polite : nasty), ...options.nasty };
  }

  now(): number {
    return this.world.clock.now();
  }

  /** True in `rate` of the cases; asks no dice when the rate is nought. */
  happens(rate: number): boolean {
    return rate > 0 && this.world.random.number() < rate;
  }

  /** A whole number in [0, below). */
  pick(below: number): number {
    return below <= 1 ? 0 : Math.floor(this.world.random.number() * below);
  }

  batchMax(): number {
    const { tailBatchMax } = this.nasty;
    return Number.isFinite(tailBatchMax) ? 1 + this.pick(tailBatchMax) : tailBatchMax;
  }

  delayMs(): number {
    return this.nasty.delayMsMax === 0 ? 0 : this.pick(this.nasty.delayMsMax + 1);
  }

  /** Soon, but never within the caller. */
  soon(fn: () => void): void {
    const ms = this.delayMs();
    if (ms === 0) queueMicrotask(fn);
    else this.world.timers.after(ms, fn);
  }

  async there(operation: Operation): Promise<void> {
    await this.pass(this.delayMs() + (onDisk.includes(operation) ? this.diskMs : 0));
  }

  async back(operation: Operation): Promise<void> {
    await this.pass(this.delayMs() + (onDisk.includes(operation) ? this.answerMs : 0));
  }

  async pass(ms: number): Promise<void> {
    if (ms > 0) await new Promise<void>((resolve) => void this.world.timers.after(ms, resolve));
  }

  plan(operation: Operation, when: When, client: string | undefined): void {
    this.strikes.push({ operation, when, client });
  }

  /** The fault that was planned for this call, used up. */
  strike(operation: Operation, client: string): When | undefined {
    if (this.strikes.length === 0) return undefined;
    const index = this.strikes.findIndex(
      (one) => one.operation === operation && (one.client ?? client) === client,
    );
    return index < 0 ? undefined : this.strikes.splice(index, 1)[0]?.when;
  }
}
