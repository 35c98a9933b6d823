/** Once faults stop, no shard is without an owner for long, and none has two for good. */
import { shardOfDigest } from "@agentflow/protocol";
import type { House } from "../house/house.ts";

const lookEveryMs = 50;
/** A lease and two seconds. */
const withoutOwnerMaxMs = 7_000;
const shards = new Set(Array.from({ length: 64 }, (_, n) => shardOfDigest(Uint8Array.of(n << 2))));

export class Owners {
  private readonly house: House;
  private readonly freeSince = new Map<string, number>();
  private longest = { shard: "", ms: 0 };

  /** From now on there are no faults. */
  constructor(house: House) {
    this.house = house;
    if (!house.isShared) return;
    for (const shard of shards) this.freeSince.set(shard, house.time.monotonic());
    house.time.every(lookEveryMs, () => this.look(), { background: true });
  }

  faults(): string[] {
    if (!this.house.isShared) return [];
    this.look();
    const { shard, ms } = this.longest;
    const faults = ms > withoutOwnerMaxMs ? [`shard ${shard} had no owner for ${ms.toFixed(0)} ms`] : [];
    const held = this.held();
    if (new Set(held).size !== held.length) faults.push(`${held.length} shards are held, some by two`);
    return faults;
  }

  private held(): string[] {
    return this.house.engines.flatMap(({ engine }) => engine?.shards ?? []);
  }

  private look(): void {
    const now = this.house.time.monotonic();
    const held = new Set(this.held());
    for (const shard of shards) {
      const since = this.freeSince.get(shard);
      if (since !== undefined && now - since > this.longest.ms) this.longest = { shard, ms: now - since };
      if (held.has(shard)) this.freeSince.delete(shard);
      else if (since === undefined) this.freeSince.set(shard, now);
    }
  }
}
