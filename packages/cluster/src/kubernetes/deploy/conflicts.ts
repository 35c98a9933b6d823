/** Fields that another manager holds, and what may be done about it. */
import { AgentFlowError } from "@agentflow/protocol";
import { statusOf } from "../client/index.ts";

export interface FieldConflict {
  /** `Deployment/x`. */
  readonly object: string;
  /** As the cluster names it: `kubectl-client-side-apply`, `helm`. */
  readonly manager: string;
  readonly field: string;
}

/** Empty when the error is another one. */
export function conflictsOf(error: unknown, object: string): readonly FieldConflict[] {
  const status = statusOf(error);
  return (status?.causes ?? []).flatMap(({ reason, message, field }) => {
    if (reason !== "FieldManagerConflict") return [];
    const manager = /conflict with "((?:[^"\\]|\\.)*)"/.exec(message)?.[1] ?? "another manager";
    return [{ object, manager, field }];
  });
}

/** All of them at once, by manager. */
export function conflictError(conflicts: readonly FieldConflict[], command: string): AgentFlowError {
  const managers = [...new Set(conflicts.map(({ manager }) => manager))];
  const count = conflicts.length === 1 ? "a field is" : `${conflicts.length} fields are`;
  return new AgentFlowError("conflict", `${count} managed by ${managers.join(", ")}; nothing was applied`, {
    reason: "fields_managed_by_others",
    details: { conflicts },
    suggestions: [
      `take them over: ${command} --force-conflicts`,
      "or leave them to the other, and take them out of what it manages",
    ],
  });
}
