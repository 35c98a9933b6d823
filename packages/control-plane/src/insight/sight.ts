/** How far somebody may look: into one tenant, or over all of them. */
import type { TenantId } from "@agentflow/protocol";

export interface Sight {
  /** Undefined: all tenants. */
  readonly tenant: TenantId | undefined;
  /** Whose records are shown with what stands in them: of others only that they are there. */
  readonly reads: TenantId | "all";
}

export function sees({ tenant }: Sight, of: string): boolean {
  return tenant === undefined || tenant === of;
}

export function readsOf({ reads }: Sight, of: string | undefined): boolean {
  return reads === "all" || reads === of;
}
