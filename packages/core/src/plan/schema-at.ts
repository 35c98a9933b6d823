import type { Json, JsonSchema } from "@agentflow/protocol";
import { isList, isObject } from "./schema.ts";

/** The schema of the value at a JSON pointer; undefined when it is not written out plainly. */
export function schemaAt(schema: JsonSchema, pointer: string): JsonSchema | undefined {
  let at: Json | undefined = schema;
  for (const part of pointer.split("/").slice(1)) {
    if (!isObject(at) || "anyOf" in at || "oneOf" in at || "$ref" in at) return undefined;
    at = inner(at, part.replaceAll("~1", "/").replaceAll("~0", "~"));
  }
  return isObject(at) ? at : undefined;
}

function inner(schema: JsonSchema, key: string): Json | undefined {
  const { properties, items, prefixItems, additionalProperties } = schema;
  if (isObject(properties) && Object.hasOwn(properties, key)) return properties[key];
  const index = /^[0-9]+$/.test(key) ? Number(key) : -1;
  if (index >= 0 && isList(prefixItems) && prefixItems[index] !== undefined) return prefixItems[index];
  if (index >= 0 && items !== undefined) return items;
  return additionalProperties;
}
