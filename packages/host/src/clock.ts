/**
 * Time, timers and dice as arguments. A shell takes one `World`; production passes `systemWorld()`, tests and
 * simulation pass a virtual one, and nothing in between knows the difference.
 */

/** Ends what it was given for; calling it again does nothing. */
export type Stop = () => void;

export interface Clock {
  /** Unix milliseconds, whole; may jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds since some fixed point, with fractions; never goes back. For durations only. */
  monotonic(): number;
}

export interface TimerOptions {
  /** A background timer does not keep the process alive, and virtual time does not wait for it. */
  readonly background?: boolean;
}

export interface Timers {
  /** Calls `fn` once, no earlier than `ms` from now. */
  after(ms: number, fn: () => void, options?: TimerOptions): Stop;
  /** Calls `fn` each `ms`, the first time after `ms`; ticks that are late are not made up for. */
  every(ms: number, fn: () => void, options?: TimerOptions): Stop;
}

export interface Random {
  /** `n` fresh bytes that the caller may keep and change. */
  bytes(n: number): Uint8Array;
  /** In [0, 1). */
  number(): number;
}

export interface World {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

/** Resolves after `ms`; at once, without an error, when the signal fires first. */
export function sleep(timers: Timers, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      stop();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const stop = timers.after(ms, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
