/** The door for JSON text: what it holds is JSON, and nothing more is known of it. */
import type { Json } from "@agentflow/protocol";

/** Throws a `SyntaxError` on text that is no JSON. */
export function parseJson(text: string): Json {
  return JSON.parse(text) as Json;
}
