import { AgentFlowError } from "@agentflow/protocol";

/** A sandbox that cannot be had: the call is not made, here or anywhere weaker. */
export function unavailable(
  message: string,
  suggestions: readonly string[],
  cause?: unknown,
): AgentFlowError {
  return new AgentFlowError("unavailable", `no sandbox: ${message}`, {
    reason: "sandbox_unavailable",
    suggestions,
    ...(cause === undefined ? {} : { cause }),
  });
}
