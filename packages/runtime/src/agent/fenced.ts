/** The end of an attempt that may not write any more: nothing is reported, nothing is journalled. */
import { AgentFlowError } from "@agentflow/protocol";

export function fenced(why: string): AgentFlowError {
  return new AgentFlowError("conflict", why, { reason: "fenced" });
}

export function isFenced(error: unknown): boolean {
  return AgentFlowError.is(error) && error.reason === "fenced";
}
