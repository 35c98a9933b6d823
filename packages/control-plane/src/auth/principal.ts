/** Who is calling, and what they may do. */
import { AgentFlowError, type Scope, type TenantId } from "@agentflow/protocol";

export interface Principal {
  readonly tenant: TenantId;
  /** Shown in the audit trail and in a run's history: `local`, or the key's id. */
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

const beyondTenant: ReadonlySet<Scope> = new Set(["pools:read", "operator", "tenants", "backup"]);

/**
 * `admin` holds every scope of its tenant, and none that looks beyond it; `operator` sees the figures of
 * pools among all others.
 */
export function holdsScope({ scopes: held }: Principal, scope: Scope): boolean {
  if (scope === "pools:read" && held.has("operator")) return true;
  return held.has(scope) || (!beyondTenant.has(scope) && held.has("admin"));
}

/** Refuses unless the principal holds the scope. */
export function requireScope(principal: Principal, scope: Scope): void {
  if (holdsScope(principal, scope)) return;
  throw new AgentFlowError("forbidden", `this needs the scope ${scope}`, {
    reason: "scope_missing",
    details: { scope },
    suggestions: [`use a key that has it: af key create NAME --scope ${scope}`],
  });
}

export function unauthenticated(message: string): AgentFlowError {
  return new AgentFlowError("unauthenticated", message, {
    reason: "bad_credentials",
    suggestions: [
      "af dev writes a token to .agentflow/token, af server to its --state folder: each opens that one alone",
      "AF_TOKEN takes that, or a key of the installation: af key create",
    ],
  });
}
