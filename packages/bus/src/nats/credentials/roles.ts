/** Who comes to the bus, each with an identity of its own: what one may do no other needs. */
import type { BuildId, PoolName, TenantId } from "@agentflow/protocol";

export type Role =
  | { readonly kind: "control-plane" }
  /** The only one that removes runs and blobs. */
  | { readonly kind: "archiver" }
  | WorkerRole;

export interface WorkerRole {
  readonly kind: "worker";
  readonly tenant: TenantId;
  /** Whose tasks it may ask for: a consumer's name is one token, so each is named. */
  readonly pools: readonly PoolName[];
  readonly builds: readonly BuildId[];
}

/** The name of an identity: of its files, of its inbox, and in the server's lines. */
export function roleName(role: Role): string {
  return role.kind === "worker" ? `worker-${role.tenant}` : role.kind;
}

/** Below it the identity's answers arrive; nobody else may listen there. */
export function inboxOf(role: Role): string {
  return `${inboxRoot}.${roleName(role)}`;
}

export const inboxRoot = "_AF";
