import { AgentFlowError } from "@agentflow/protocol";
import type { Context } from "./contexts.ts";

/** An installation on an engine that does not answer: its own commands, in place of those of `af dev`. */
export function withItsStart(error: unknown, context: Context | undefined): unknown {
  if (context?.kind !== "docker" || !AgentFlowError.is(error) || error.reason !== "unreachable") return error;
  const { name, target = name } = context;
  return new AgentFlowError(error.code, error.message, {
    reason: error.reason,
    details: error.details,
    cause: error.cause,
    suggestions: [
      `start what has ended: af up ${target}`,
      `what its containers do: af status --context ${name}`,
      `af doctor --target ${target}`,
    ],
  });
}
