/** Messages of the wire, as our own code made them a moment ago. */
import type { InputAnswer, InputRequest } from "@agentflow/protocol";

export function parseRequest(text: string): InputRequest {
  return JSON.parse(text) as InputRequest;
}

export function parseAnswer(text: string): InputAnswer {
  return JSON.parse(text) as InputAnswer;
}
