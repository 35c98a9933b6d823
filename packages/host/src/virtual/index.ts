/** A world on virtual time, for tests and simulation. Nothing that ships to production imports this. */
import type { World } from "../clock.ts";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";
import { VirtualTime, type VirtualTimeOptions } from "./virtual-time.ts";

export { type SeededRandom, seededRandom } from "./seeded-random.ts";
export { VirtualTime, type VirtualTimeOptions } from "./virtual-time.ts";

export interface VirtualWorld extends World {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
}

/** A world that depends on its seed alone; drive it through `time`. */
export function virtualWorld(seed: string | number = 1, options: VirtualTimeOptions = {}): VirtualWorld {
  const time = new VirtualTime(options);
  return { time, clock: time, timers: time, random: seededRandom(seed) };
}
