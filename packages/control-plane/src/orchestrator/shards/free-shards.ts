import type { Stop, World } from "@agentflow/host/clock";
import type { Shard } from "@agentflow/protocol";

/** So long the one that should have a free shard, by the plan, is waited for. */
const neglectedMs = 500;

/**
 * Since when shards are free. Who came late may not know yet that somebody is dead, and so waits for it; by
 * the plan of the others a shard is then that one's. Better too many here for a while than nobody's.
 */
export class FreeShards {
  private readonly world: World;
  private readonly lookAgain: () => void;
  private readonly since = new Map<Shard, number>();
  private stopTimer: Stop | undefined;

  constructor(world: World, lookAgain: () => void) {
    this.world = world;
    this.lookAgain = lookAgain;
  }

  /** These are free, and no others. */
  look(free: readonly Shard[]): void {
    const { clock, timers } = this.world;
    const kept = new Set(free);
    for (const shard of this.since.keys()) if (!kept.has(shard)) this.since.delete(shard);
    for (const shard of free) if (!this.since.has(shard)) this.since.set(shard, clock.monotonic());
    if (free.length === 0) return;
    const again = (): void => {
      this.stopTimer = undefined;
      this.lookAgain();
    };
    this.stopTimer ??= timers.after(neglectedMs, again, { background: true });
  }

  isNeglected(shard: Shard): boolean {
    const since = this.since.get(shard);
    return since !== undefined && this.world.clock.monotonic() - since >= neglectedMs;
  }

  stop(): void {
    this.stopTimer?.();
  }
}
