import type { TenantId } from "@agentflow/protocol";
import type { EngineConfig } from "../engine-config.ts";
import type { Item } from "./lane.ts";

interface Load {
  tasks: number;
  bytes: number;
}

/** Open tasks in memory, by number and bytes, for each tenant and for all. */
export class OpenTasks {
  private readonly byTenant = new Map<TenantId, Load>();
  private readonly all: Load = { tasks: 0, bytes: 0 };

  add({ ref, bytes }: Item): void {
    const load = this.byTenant.get(ref.tenant) ?? { tasks: 0, bytes: 0 };
    this.byTenant.set(ref.tenant, load);
    for (const one of [load, this.all]) {
      one.tasks++;
      one.bytes += bytes;
    }
  }

  remove({ ref, bytes }: Item): void {
    const load = this.byTenant.get(ref.tenant);
    if (load === undefined) return;
    for (const one of [load, this.all]) {
      one.tasks--;
      one.bytes -= bytes;
    }
    if (load.tasks === 0) this.byTenant.delete(ref.tenant);
  }

  /** A tenant that has nothing open is never full: what others have must not keep it from its first run. */
  isFull(
    tenant: TenantId,
    max: Pick<EngineConfig, "openTasksMax" | "openTaskBytesMax" | "openTenantsMax">,
  ): boolean {
    const own = this.byTenant.get(tenant);
    if (own === undefined) return false;
    if (isOver(own, max.openTasksMax, max.openTaskBytesMax)) return true;
    const { openTenantsMax: times } = max;
    // When all together are too many, those go on that have less than their part of it.
    if (!isOver(this.all, max.openTasksMax * times, max.openTaskBytesMax * times)) return false;
    const part = times / this.byTenant.size;
    return isOver(own, max.openTasksMax * part, max.openTaskBytesMax * part);
  }
}

function isOver({ tasks, bytes }: Load, tasksMax: number, bytesMax: number): boolean {
  return tasks >= tasksMax || bytes >= bytesMax;
}
