/** Who is calling, and what they may do. */
import { AgentFlowError, type TenantId } from "@agentflow/protocol";

export const scopes = ["runs:read", "runs:write", "workflows:write", "admin"] as const;
export type Scope = (typeof scopes)[number];

export interface Principal {
  readonly tenant: TenantId;
  /** Shown in the audit trail and in a run's history: `local`, or the key's id. */
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

/** Refuses unless the principal holds the scope; `admin` holds them all. */
export function requireScope(principal: Principal, scope: Scope): void {
  if (principal.scopes.has(scope) || principal.scopes.has("admin")) return;
  throw new AgentFlowError("forbidden", `this needs the scope ${scope}`, {
    reason: "scope_missing",
    details: { scope },
    suggestions: ["use a key that has it: af key create --scope"],
  });
}

export function unauthenticated(message: string): AgentFlowError {
  return new AgentFlowError("unauthenticated", message, {
    reason: "bad_credentials",
    suggestions: ["af dev writes a token to .agentflow/token; elsewhere set AF_TOKEN"],
  });
}
