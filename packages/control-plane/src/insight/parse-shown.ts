import type { Json } from "@agentflow/protocol";

/** JSON as the value it says, anything else as the text that it is. */
export function parseShown(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text.toWellFormed();
  }
}
