import type { Fault, Place } from "./faults.ts";

/** One value that one layer gives to one key. */
export interface Setting {
  readonly path: readonly string[];
  readonly value: unknown;
  readonly place: Place;
}

export interface LayerReading {
  readonly settings: readonly Setting[];
  readonly faults: readonly Fault[];
  /** What looks like a mistake but may belong to somebody else. */
  readonly notes: readonly string[];
}

/** Keys that would reach into every object instead of into ours. */
export const forbiddenKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

export function dotted(path: readonly string[]): string {
  return path.join(".");
}
