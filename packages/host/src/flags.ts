/**
 * Feature flags: on, off, or on for a share of keys (a tenant, say). The share is taken by a hash, so a key
 * keeps its answer everywhere, and raising the percentage only ever adds keys.
 */
export interface FlagRules {
  readonly [flag: string]: boolean | number;
}

/** What a flag says for a key. A flag that nobody set is off. */
export function evaluateFlag(rules: FlagRules, flag: string, key = ""): boolean {
  const rule = Object.hasOwn(rules, flag) ? rules[flag] : undefined;
  if (typeof rule === "number") return placeOf(flag, key) < rule * 100;
  return rule ?? false;
}

export interface Flags {
  isOn(flag: string, key?: string): boolean;
}

/** Flags over rules that may change while running: pass the reader of the current configuration. */
export function createFlags(current: () => FlagRules): Flags {
  return { isOn: (flag, key) => evaluateFlag(current(), flag, key) };
}

/** Where a key stands among 10,000; the flag is in the hash, so that flags pick different keys. */
function placeOf(flag: string, key: string): number {
  const text = `${flag}\u0000${key}`;
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return ((value ^ (value >>> 16)) >>> 0) % 10_000;
}
