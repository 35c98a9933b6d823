import type { TenantId } from "@agentflow/protocol";
import type { EngineConfig } from "../engine-config.ts";
import type { Item, Lane } from "./lane.ts";

/**
 * What each tenant may still have with the queue, which holds so much and no more for all: whoever says that
 * it has a million slots, or has a thousand pools, fills its own part of it.
 */
export class QueueRoom {
  private readonly out = new Map<TenantId, { tasks: number; bytes: number }>();
  private readonly max: Pick<EngineConfig, "queuedTasksMax" | "queuedBytesMax">;

  constructor(lanes: Iterable<Lane>, max: Pick<EngineConfig, "queuedTasksMax" | "queuedBytesMax">) {
    this.max = max;
    for (const { tenant, outstanding, outBytes } of lanes) this.add(tenant, outstanding, outBytes);
  }

  /** The last one may be bigger than what is left. */
  has(tenant: TenantId): boolean {
    const out = this.out.get(tenant);
    return out === undefined || (out.tasks < this.max.queuedTasksMax && out.bytes < this.max.queuedBytesMax);
  }

  take({ ref, bytes }: Item): void {
    this.add(ref.tenant, 1, bytes);
  }

  private add(tenant: TenantId, tasks: number, bytes: number): void {
    const out = this.out.get(tenant);
    if (out === undefined) this.out.set(tenant, { tasks, bytes });
    else {
      out.tasks += tasks;
      out.bytes += bytes;
    }
  }
}
