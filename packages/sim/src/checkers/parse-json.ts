import type { Json } from "@agentflow/protocol";

export function parseJson(text: string): Json {
  return JSON.parse(text) as Json;
}
