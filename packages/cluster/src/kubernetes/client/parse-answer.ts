/** Bodies of a cluster's answers. */
import type { Json } from "@agentflow/protocol";

/** JSON where it is JSON, else the text; null when there is none. */
export function parseAnswer(text: string): Json {
  if (text === "") return null;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
