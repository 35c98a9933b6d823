/** All 64 shards in one hand: no plan, no lease, and nobody else on the same bus. */
import type { Bus, Revision, Table } from "@agentflow/bus";
import { sleep, type Stop, type World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import { AgentFlowError, type Instant, instant, parseId, type Shard } from "@agentflow/protocol";
import { refuseHalfRestored } from "../backup/mark.ts";
import type { Ownership, OwnershipView } from "./ownership.ts";
import { parseOwner } from "./parse-owner.ts";
import { allShards } from "./shard.ts";
import { nodePrefix } from "./shards/parse-rows.ts";
import type { LeaseStanding } from "./shards/presence.ts";
import {
  allBeat,
  allKey,
  type Beats,
  changedSince,
  controlPlaneBeats,
  nodeBeats,
  quietMsOf,
  signsOfLife,
} from "./shards/signs-of-life.ts";

export interface OwnAllParts {
  readonly bus: Bus;
  readonly world: World;
  readonly say: Log;
  readonly node: string;
  readonly version: string;
  readonly leaseMs: number;
}

const lagMs = 250;

/**
 * Takes all shards. A bus that lets nobody else in needs no more than a row that says who it is; on any other
 * the row is written again at each third of a lease, and it is refused (`mixed_ownership`) while control
 * planes that share the shards are at work. What a dead one left is believed for a lease.
 */
export async function ownAll(parts: OwnAllParts): Promise<Ownership> {
  const { bus, world, leaseMs } = parts;
  const isShared = bus.kind !== "embedded";
  const before: Beats = isShared ? await nodeBeats(bus.table) : new Map();
  if (before.size > 0) {
    const { signal } = new AbortController();
    const look = { world, signal, quietMs: quietMsOf(leaseMs) };
    const alive = await signsOfLife(() => nodeBeats(bus.table), look);
    if (alive.length > 0) throw sharedByOthers(alive);
  }
  const all = new AllShards(parts);
  await all.take();
  if (isShared) all.beatBeside(before);
  return all;
}

/**
 * For those who share the shards: rejects with `mixed_ownership` while one has all of them. The row of a dead
 * one is removed, so that one that only slept finds out.
 */
export async function refuseAllOwned(of: {
  readonly table: Table;
  readonly world: World;
  readonly leaseMs: number;
}): Promise<void> {
  const { table, world, leaseMs } = of;
  // A read may lag behind; a removal that expects no row may not.
  const asked = await table.delete(allKey, { expect: 0 });
  if (asked.ok || asked.row === undefined) return;
  const { signal } = new AbortController();
  const look = { world, signal, quietMs: quietMsOf(leaseMs) };
  const alive = await signsOfLife(() => allBeat(table), look);
  const left = await table.get(allKey);
  if (left === undefined) return;
  if (alive.length > 0) throw ownedByOne(left.value);
  const removed = await table.delete(allKey, { expect: left.revision });
  if (!removed.ok && removed.row !== undefined) throw ownedByOne(removed.row.value);
}

class AllShards implements Ownership {
  readonly name = "all";
  readonly #parts: OwnAllParts;
  readonly #since: Instant;
  readonly #life: string;
  readonly #all: readonly Shard[] = allShards.map((shard) => parseId("shard", shard));
  #revision: Revision = 0;
  #standing: LeaseStanding = "held";
  #beat = 0;
  #beating: Promise<void> | undefined;
  #stop: Stop = () => undefined;
  #isReplaced = false;
  /** Meanwhile: what the others last told, and since when they have told nothing more. */
  #quiet: { readonly seen: Beats; readonly sinceMs: number } | undefined;
  #lookAgain: () => Promise<void> = async () => undefined;

  constructor(parts: OwnAllParts) {
    this.#parts = parts;
    const { clock, random } = parts.world;
    this.#since = instant(clock.now());
    this.#life = Buffer.from(random.bytes(8)).toString("hex");
  }

  get standing(): LeaseStanding {
    return this.#standing;
  }

  get isSure(): boolean {
    return this.owns();
  }

  get shards(): readonly Shard[] {
    return this.#standing === "held" ? this.#all : [];
  }

  owns(): boolean {
    return this.#standing === "held";
  }

  async check(): Promise<void> {
    const { bus, node } = this.#parts;
    const row = parseOwner((await bus.table.get(allKey))?.value);
    if (row?.owner !== node || !this.owns()) throw notOurs(row?.owner);
  }

  share(_group: string, { total }: { readonly total: number }): number {
    return total;
  }

  othersDemand(): { readonly [group: string]: number } {
    return {};
  }

  view(): OwnershipView {
    const { node, version, world } = this.#parts;
    const seenAt = instant(world.clock.now());
    const { shards } = this;
    return {
      shards: shards.map((shard) => ({ shard, owner: node })),
      nodes: [
        { node, state: "live", shards: shards.length, since: this.#since, seenAt, quietMs: 0, version },
      ],
    };
  }

  async look(): Promise<void> {}

  async leave(): Promise<void> {}

  async release(): Promise<void> {
    this.#stop();
    await this.#beating;
    if (!this.#isReplaced) await this.#parts.bus.table.delete(allKey, { expect: this.#revision });
  }

  /** An earlier process of the same kind is displaced. */
  async take(): Promise<void> {
    const taken = await this.#parts.bus.table.put(allKey, this.#row(), { expect: "any" });
    if (!taken.ok) throw new AgentFlowError("unavailable", "the shards could not be taken over");
    this.#revision = taken.revision;
  }

  /** Others see that it lives, and it sees when it is not the owner any more. */
  beatBeside(before: Beats): void {
    const { bus, world, say, leaseMs } = this.#parts;
    const tick = (): void => {
      this.#beating ??= this.#write()
        .catch((error: unknown) => say.debug("the row of the only owner was not written", { error }))
        .finally(() => {
          this.#beating = undefined;
        });
    };
    this.#stop = world.timers.every(leaseMs / 3, tick, { background: true });
    this.#lookAgain = async () => {
      // A list may lag behind: whoever came just before our row was there has not seen it.
      await sleep(world.timers, lagMs);
      const came = changedSince(before, await nodeBeats(bus.table));
      if (came.length > 0) throw sharedByOthers(came);
    };
  }

  /** Rejects when somebody came who shares, in the moment in which this one did. */
  async start(): Promise<void> {
    await this.#lookAgain();
  }

  async #write(): Promise<void> {
    if (this.#isReplaced) return this.#regain();
    const put = await this.#parts.bus.table.put(allKey, this.#row(), { expect: this.#revision });
    if (put.ok) this.#revision = put.revision;
    // Our own write whose answer was lost.
    else if (parseOwner(put.row?.value)?.life === this.#life) this.#revision = put.row?.revision ?? 0;
    else this.#replaced(parseOwner(put.row?.value)?.owner);
  }

  /** Whoever displaced it may have died: after a lease without a sign of anybody the shards are its again. */
  async #regain(): Promise<void> {
    const { bus, world, say, leaseMs } = this.#parts;
    const now = world.clock.monotonic();
    const beats = await controlPlaneBeats(bus.table);
    const { seen, sinceMs } = this.#quiet ?? { seen: beats, sinceMs: now };
    const isQuiet = changedSince(seen, beats).length === 0;
    this.#quiet = { seen: beats, sinceMs: isQuiet ? sinceMs : now };
    if (now - this.#quiet.sinceMs < quietMsOf(leaseMs)) return;
    await refuseHalfRestored(bus);
    const put = await bus.table.put(allKey, this.#row(), { expect: beats.get(allKey) ?? 0 });
    if (!put.ok) return;
    this.#quiet = undefined;
    this.#revision = put.revision;
    this.#isReplaced = false;
    this.#standing = "held";
    say.info("nobody else holds the shards any more: all of them are served here again");
  }

  #row(): string {
    const { node } = this.#parts;
    return JSON.stringify({ v: 1, owner: node, since: this.#since, life: this.#life, beat: this.#beat++ });
  }

  /**
   * By one like it the log's fence keeps it harmless: it goes on, for that one may be dead already. Where its
   * row was taken away, others share the shards: then it serves none.
   */
  #replaced(by: string | undefined): void {
    this.#isReplaced = true;
    if (by === undefined) this.#standing = "displaced";
    this.#parts.say.error("the shards are not this control plane's any more", { error: notOurs(by) });
  }
}

function sharedByOthers(keys: readonly string[]): AgentFlowError {
  const names = keys.map((key) => key.slice(nodePrefix.length));
  const which = names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");
  return new AgentFlowError("refused", `control planes that share the shards are at work here: ${which}`, {
    reason: "mixed_ownership",
    details: { nodes: names.slice(0, 100) },
    suggestions: ["be one of them: af server, or af dev, with --bus nats://...", "or stop them first"],
  });
}

function ownedByOne(row: string): AgentFlowError {
  const owner = parseOwner(row)?.owner ?? "another control plane";
  return new AgentFlowError("refused", `${owner} holds all shards of this installation by itself`, {
    reason: "mixed_ownership",
    details: { owner },
    suggestions: [`stop ${owner} first: an af dev that started this nats-server shares with nobody`],
  });
}

function notOurs(owner: string | undefined): AgentFlowError {
  const [message, reason] =
    owner === undefined
      ? ["no row says who owns the shards", "no_owner"]
      : [`the shards are owned by ${owner}`, "other_owner"];
  return new AgentFlowError("unavailable", message, { reason });
}
