import { AgentFlowError } from "@agentflow/protocol";
import type { Context } from "./contexts.ts";

/** An installation on an engine or in a cluster that does not answer: its own commands, not `af dev`'s. */
export function withItsStart(error: unknown, context: Context | undefined): unknown {
  if (!AgentFlowError.is(error) || error.reason !== "unreachable") return error;
  if (context?.kind === "kubernetes") return withPods(error, context);
  if (context?.kind !== "docker") return error;
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

function withPods(
  { code, message, reason, details, cause }: AgentFlowError,
  { name }: Context,
): AgentFlowError {
  return new AgentFlowError(code, message, {
    reason,
    details,
    cause,
    suggestions: [
      `what its pods do: af status --context ${name}`,
      `what they print: af logs --context ${name}`,
    ],
  });
}
