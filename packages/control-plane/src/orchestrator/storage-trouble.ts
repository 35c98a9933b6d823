import type { AgentFlowError } from "@agentflow/protocol";

const reasons: ReadonlySet<string> = new Set(["storage_full", "storage_failed"]);

/** The bus is there and cannot store: whoever asks is told so, for asking again at once does not help. */
export function isStorageTrouble(error: AgentFlowError | undefined): boolean {
  return error !== undefined && reasons.has(error.reason);
}
