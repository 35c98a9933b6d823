/** Once faults stop, no shard is without an owner for long, and none has two for longer than a moment. */
import { shardOfDigest } from "@agentflow/protocol";
import type { House } from "../house/house.ts";

const lookEveryMs = 50;
/** A lease and two seconds. */
const withoutOwnerMaxMs = 7_000;
/** Who was away believes what it last saw until its watch has caught up; the fence holds meanwhile. */
const withTwoMaxMs = 2_000;
const shards = Array.from({ length: 64 }, (_, n) => shardOfDigest(Uint8Array.of(n << 2)));

/** How long something has lasted, shard by shard, and the longest of all. */
class Spells {
  longest = { shard: "", ms: 0 };
  private readonly since = new Map<string, number>();

  look(shard: string, holds: boolean, now: number): void {
    const since = this.since.get(shard);
    if (since !== undefined && now - since > this.longest.ms) this.longest = { shard, ms: now - since };
    if (!holds) this.since.delete(shard);
    else if (since === undefined) this.since.set(shard, now);
  }
}

export class Owners {
  private readonly house: House;
  private readonly free = new Spells();
  private readonly shared = new Spells();

  /** From now on there are no faults. */
  constructor(house: House) {
    this.house = house;
    if (!house.isShared) return;
    this.look();
    house.time.every(lookEveryMs, () => this.look(), { background: true });
  }

  faults(): string[] {
    const faults: string[] = [];
    const { free, shared } = this;
    if (free.longest.ms > withoutOwnerMaxMs) {
      faults.push(`shard ${free.longest.shard} had no owner for ${free.longest.ms.toFixed(0)} ms`);
    }
    if (shared.longest.ms > withTwoMaxMs) {
      faults.push(`shard ${shared.longest.shard} had two owners for ${shared.longest.ms.toFixed(0)} ms`);
    }
    return faults;
  }

  private look(): void {
    const now = this.house.time.monotonic();
    const held = new Map<string, number>();
    // While no control plane has come back yet, nobody could own anything.
    const serving = this.house.engine !== undefined;
    for (const { engine } of this.house.engines) {
      for (const shard of engine?.shards ?? []) held.set(shard, (held.get(shard) ?? 0) + 1);
    }
    for (const shard of shards) {
      const owners = held.get(shard) ?? 0;
      this.free.look(shard, serving && owners === 0, now);
      this.shared.look(shard, owners > 1, now);
    }
  }
}
