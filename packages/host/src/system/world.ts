import { randomFillSync } from "node:crypto";
import type { Clock, Random, Timers, World } from "../clock.ts";

/** The machine's own clock, timers and randomness: what a `main.ts` passes to everything it starts. */
export function systemWorld(): World {
  return { clock: systemClock, timers: systemTimers, random: systemRandom() };
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** Node fires a longer timer at once, so a long wait is cut into pieces of this length. */
const timerMsMax = 2 ** 31 - 1;

export const systemTimers: Timers = {
  after(ms, fn, options) {
    let left = Math.max(0, ms);
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      const piece = Math.min(left, timerMsMax);
      left -= piece;
      handle = setTimeout(() => (left > 0 ? arm() : fn()), piece);
      if (options?.background) handle.unref();
    };
    arm();
    return () => clearTimeout(handle);
  },
  every(ms, fn, options) {
    const handle = setInterval(fn, Math.min(ms, timerMsMax));
    if (options?.background) handle.unref();
    return () => clearInterval(handle);
  },
};

const poolBytes = 4096;

/** Cryptographic randomness, fetched in pages: one call into the kernel serves hundreds of ids. */
function systemRandom(): Random {
  const pool = new Uint8Array(poolBytes);
  let used = poolBytes;
  const take = (n: number): Uint8Array => {
    if (n > poolBytes) return randomFillSync(new Uint8Array(n));
    if (used + n > poolBytes) {
      randomFillSync(pool);
      used = 0;
    }
    used += n;
    return pool.slice(used - n, used);
  };
  return { bytes: take, number: () => unitOf(take(7)) };
}

/** 53 of 56 random bits as a number in [0, 1). */
function unitOf(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) value = value * 256 + byte;
  return Math.floor(value / 8) / 2 ** 53;
}
