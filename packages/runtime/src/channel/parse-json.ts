/** The door for JSON text: what it holds is JSON, and nothing more is known of it. */
import type { Json } from "@agentflow/protocol";

/** Throws a `SyntaxError` on text that is no JSON. */
export function parseJson(text: string): Json {
  return JSON.parse(text) as Json;
}

/** A value of ours that is plain data, such as messages, as the JSON that it is. */
export function toJson(value: object): Json {
  return value as Json;
}
