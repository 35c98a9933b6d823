import { AgentFlowError, type Json } from "@agentflow/protocol";

/** A big value from its blob. */
export function parseBlobJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new AgentFlowError("internal", "a stored value is no JSON", { reason: "blob_broken", cause });
  }
}
