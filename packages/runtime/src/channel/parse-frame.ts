/** The door for frames: text becomes messages, each with a kind, or an error. */
import { AgentFlowError } from "@agentflow/protocol";

export type Message = readonly [kind: string, ...rest: unknown[]];

export function parseFrame(text: string): readonly Message[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badFrame("a frame is not JSON", error);
  }
  if (!Array.isArray(value)) throw badFrame("a frame is not an array");
  for (const message of value) {
    if (!Array.isArray(message) || typeof message[0] !== "string") throw badFrame("a message has no kind");
  }
  return value as readonly Message[];
}

export function badFrame(message: string, cause?: unknown): AgentFlowError {
  return new AgentFlowError("invalid_input", message, { reason: "bad_frame", cause });
}
