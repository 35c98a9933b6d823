/** Who comes to the bus, each with an identity of its own: what one may do no other needs. */
import { type BuildId, defaultTenant, type PoolName, type TenantId } from "@agentflow/protocol";

export type Role =
  | { readonly kind: "control-plane" }
  /** The only one that removes runs and blobs. */
  | { readonly kind: "archiver" }
  /** Brings a project's workflows to a control plane of its tenant, and may do nothing else. */
  | { readonly kind: "register"; readonly tenant: TenantId }
  | WorkerRole;

export interface WorkerRole {
  readonly kind: "worker";
  readonly tenant: TenantId;
  /** Whose tasks it may ask for: a consumer's name is one token, so each is named. */
  readonly pools: readonly PoolName[];
  /** `any`: every task of the bus, whoever's. For an installation of one tenant, whose builds come and go. */
  readonly builds: readonly BuildId[] | "any";
}

/** The name of an identity: of its files, of its inbox, and in the server's lines. */
export function roleName(role: Role): string {
  if (role.kind === "worker") return `worker-${role.tenant}`;
  return role.kind === "register" && role.tenant !== defaultTenant ? `register-${role.tenant}` : role.kind;
}

/** Below it the identity's answers arrive; nobody else may listen there. */
export function inboxOf(role: Role): string {
  return `${inboxRoot}.${roleName(role)}`;
}

export const inboxRoot = "_AF";
