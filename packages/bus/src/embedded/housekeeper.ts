import { write } from "./store/group.ts";
import type { GroupWriter, Write } from "./store/writer.ts";

export const housekeeping = {
  teleBytesMax: 64 * 1024 * 1024,
  teleAgeMs: 7 * 24 * 60 * 60 * 1000,
  deadAgeMs: 14 * 24 * 60 * 60 * 1000,
  everyMs: 60_000,
  deadEveryMs: 60 * 60_000,
} as const;

export interface HousekeeperOptions {
  readonly log: GroupWriter;
  readonly tele: GroupWriter;
  readonly teleBytesMax: number;
  readonly teleAgeMs: number;
}

/** Keeps telemetry and dead letters within their age and size: now and then, and after much was written. */
export class Housekeeper {
  readonly #options: HousekeeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #written = 0;
  #shrinking = false;
  #deadAtMs = 0;

  constructor(options: HousekeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.#round(), housekeeping.everyMs);
    this.#timer.unref();
    this.#round();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#shrinking = true;
  }

  /** Counts what was written, so that a flood is cut back before the next round. */
  wrote(writes: readonly Write[]): void {
    for (const { text } of writes) this.#written += text?.length ?? 0;
    if (this.#written > this.#options.teleBytesMax / 16) this.#shrink();
  }

  #round(): void {
    const { log, tele, teleAgeMs } = this.#options;
    const now = Date.now();
    this.#expire(tele, "af.tele.", now - teleAgeMs);
    this.#shrink();
    if (now - this.#deadAtMs < housekeeping.deadEveryMs) return;
    this.#deadAtMs = now;
    this.#expire(log, "af.dead.", now - housekeeping.deadAgeMs);
  }

  #expire(writer: GroupWriter, prefix: string, beforeMs: number): void {
    writer.submit({ code: write.expire, key: prefix, text: "", number: beforeMs, done: () => {} });
  }

  /** Step by step, so that telemetry goes on in between. */
  #shrink(): void {
    if (this.#shrinking) return;
    this.#shrinking = true;
    this.#written = 0;
    const step = (): void => {
      this.#options.tele.submit({
        code: write.shrink,
        key: "",
        text: "",
        number: this.#options.teleBytesMax,
        done: (error, left) => {
          if (error === undefined && left > 0) step();
          else this.#shrinking = false;
        },
      });
    };
    step();
  }
}
