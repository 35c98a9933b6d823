import { AgentFlowError, type RegisterReply } from "@agentflow/protocol";

const kinds = new Set(["registered", "removed", "workers"]);

/** A control plane's answer; one of another version, or none at all, is `internal`. */
export function parseRegisterReply(text: string): RegisterReply {
  let reply: unknown;
  try {
    reply = JSON.parse(text);
  } catch {
    throw unknownReply();
  }
  if (typeof reply !== "object" || reply === null || !("v" in reply) || !("kind" in reply))
    throw unknownReply();
  if (reply.v !== 1 || typeof reply.kind !== "string" || !kinds.has(reply.kind)) throw unknownReply();
  const lists = { registered: "findings", removed: "workflows", workers: "workers" } as const;
  const list = (reply as Record<string, unknown>)[lists[reply.kind as keyof typeof lists]];
  if (!Array.isArray(list)) throw unknownReply();
  return reply as RegisterReply;
}

function unknownReply(): AgentFlowError {
  return new AgentFlowError("internal", "the control plane's answer is of another version", {
    reason: "answer_unknown",
    suggestions: ["af version: use the release of the control plane, or a newer one"],
  });
}
