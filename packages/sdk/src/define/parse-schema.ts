import type { Json, JsonSchema } from "@agentflow/protocol";

/** A JSON Schema from its text, without the key that says which draft it is. */
export function parseJsonSchema(text: string): JsonSchema {
  const { $schema: _, ...rest } = JSON.parse(text) as { [key: string]: Json };
  return rest;
}
