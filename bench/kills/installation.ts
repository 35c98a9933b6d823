/** What the kill matrix needs of whatever it strikes: something to start runs on, and things to kill. */
import type { Client } from "@agentflow/sdk/client";
import type { Kill } from "./recovery.ts";

export interface Installation {
  /** What can be struck, in the order of the report. */
  readonly kinds: readonly string[];
  /** In words, for the report's head. */
  readonly note: string;
  /** The longest pause between two strikes; most are much shorter. */
  readonly pauseMsMax: number;
  /** A kind that is struck when nobody asked for one alone; `roll` is in [0, 1). */
  choose(roll: number): string;
  /** Undefined when what was to be struck is just being started again. */
  strike(kind: string): Promise<Kill | undefined>;
  /** One for each address at which it answers; the same start may be repeated at any of them. */
  clients(): readonly Client[];
  /** Once nothing is struck any more: resolves when everything runs again. */
  settle(): Promise<void>;
  /** What only it can know to be wrong, each a sentence; asked at the end. */
  faults(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export interface InstallationOptions {
  readonly dir: string;
  readonly project: string;
  readonly random: () => number;
}

/** Shares of a whole, as they stand: the kind at `roll` in [0, 1). */
export function kindAt(shares: readonly (readonly [kind: string, share: number])[], roll: number): string {
  const whole = shares.reduce((sum, [, share]) => sum + share, 0);
  let left = roll * whole;
  for (const [kind, share] of shares) {
    left -= share;
    if (left < 0) return kind;
  }
  return shares.at(-1)?.[0] ?? "";
}
