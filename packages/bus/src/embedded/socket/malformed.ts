import { AgentFlowError } from "@agentflow/protocol";

/** The other side speaks something else: the connection is closed with this. */
export function malformed(what: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `not understood: ${what}`, { reason: malformedReason });
}

export const malformedReason = "malformed_frame";
