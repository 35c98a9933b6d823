import type { Random } from "../clock.ts";

export interface SeededRandom extends Random {
  /** Dice of their own for one part of a world: what they show does not depend on how often others throw. */
  fork(label: string): SeededRandom;
  /** A whole number in [0, below). */
  int(below: number): number;
  /** One of the items; refuses an empty list by returning undefined. */
  pick<T>(items: readonly T[]): T | undefined;
}

/** Dice that show the same for the same seed, on every machine. Not for secrets. */
export function seededRandom(seed: string | number): SeededRandom {
  const next = sfc32(String(seed));
  const number = (): number => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
  const int = (below: number): number => Math.floor(number() * below);
  return {
    number,
    int,
    bytes: (n) => Uint8Array.from({ length: n }, () => next() & 0xff),
    pick: (items) => items[int(items.length)],
    fork: (label) => seededRandom(`${seed}/${label}`),
  };
}

/** Chris Doty-Humphrey's sfc32: 128 bits of state, passes PractRand, four lines. */
function sfc32(seed: string): () => number {
  let [a, b, c] = [hash(seed, 1), hash(seed, 2), hash(seed, 3)];
  let counter = 1;
  const next = (): number => {
    const out = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + out) | 0;
    return out >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** FNV-1a with a finish that spreads the last letters over all bits. */
function hash(text: string, salt: number): number {
  let value = 0x811c9dc5 ^ salt;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) | 0;
}
