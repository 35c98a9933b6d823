/** Whether the writers of rows live: judged by their changes, for the clocks of others say nothing. */
import type { Revision, Row, Table } from "@agentflow/bus";
import { sleep, type World } from "@agentflow/host/clock";
import { AgentFlowError } from "@agentflow/protocol";
import { nodePrefix, ownerPrefix, parseNodeRow } from "./parse-rows.ts";

/** Of a control plane that holds all shards without leases. */
export const allKey = `${ownerPrefix}all`;

/** Rows that somebody who lives writes again and again, by key. */
export type Beats = ReadonlyMap<string, Revision>;

export interface Look {
  readonly world: World;
  readonly signal: AbortSignal;
  /** Longer than any of the writers is ever silent. */
  readonly quietMs: number;
}

const lookEveryMs = 500;
/** A sign of life may be late. */
const graceMs = 1_000;

/** Whoever has such a lease and was silent for so long is not there. */
export function quietMsOf(leaseMs: number): number {
  return leaseMs + graceMs;
}

/**
 * The keys of rows that changed while they were watched; none when nobody wrote for `quietMs`. At once when
 * there is nobody who might. Both views are asked for, so whoever is cut off concludes nothing.
 */
export async function signsOfLife(read: () => Promise<Beats>, look: Look): Promise<string[]> {
  const { world, signal, quietMs } = look;
  const before = await read();
  const sinceMs = world.clock.monotonic();
  while (before.size > 0) {
    if (signal.aborted)
      throw new AgentFlowError("unavailable", "the look was given up", { reason: "given_up" });
    const isLast = world.clock.monotonic() - sinceMs >= quietMs;
    const now = await read();
    const alive = changedSince(before, now);
    // Whoever has said meanwhile that it left is not waited for.
    if (alive.length > 0 || isLast || now.size === 0) return alive;
    await sleep(world.timers, lookEveryMs, signal);
  }
  return [];
}

export function changedSince(before: Beats, now: Beats): string[] {
  return [...now].flatMap(([key, revision]) => (before.get(key) === revision ? [] : [key]));
}

/** Of control planes: those that share the shards and have not said that they left, and one that has all. */
export async function controlPlaneBeats(table: Table): Promise<Beats> {
  const [nodes, all] = await Promise.all([nodeBeats(table), allBeat(table)]);
  return new Map([...nodes, ...all]);
}

export async function nodeBeats(table: Table): Promise<Beats> {
  return beatsOf((await table.list(nodePrefix)).filter(({ value }) => parseNodeRow(value)?.state !== "left"));
}

export async function allBeat(table: Table): Promise<Beats> {
  return beatOf(table, allKey);
}

export async function beatOf(table: Table, key: string): Promise<Beats> {
  const row = await table.get(key);
  return beatsOf(row === undefined ? [] : [row]);
}

export function beatsOf(rows: readonly Row[]): Beats {
  return new Map(rows.map(({ key, revision }) => [key, revision]));
}
