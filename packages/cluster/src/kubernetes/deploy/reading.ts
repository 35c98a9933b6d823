/** Reads plain JSON of a cluster: what is missing or of another type reads as nothing. */
import type { Json, JsonObject } from "@agentflow/protocol";

export type Value = Json | undefined;

export function isObject(value: Value): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What stands at that path; undefined where the path leads nowhere. */
export function at(value: Value, ...path: readonly string[]): Value {
  let found: Value = value;
  for (const key of path) found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return found;
}

export function textAt(value: Value, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

export function numberAt(value: Value, ...path: readonly string[]): number {
  const found = at(value, ...path);
  return typeof found === "number" ? found : 0;
}

export function objectAt(value: Value, ...path: readonly string[]): JsonObject {
  const found = at(value, ...path);
  return isObject(found) ? found : {};
}

/** The objects of a list. */
export function objectsAt(value: Value, ...path: readonly string[]): readonly JsonObject[] {
  return listAt(value, ...path).filter(isObject);
}

export function listAt(value: Value, ...path: readonly string[]): readonly Json[] {
  const found = at(value, ...path);
  return isList(found) ? found : [];
}

function isList(value: Value): value is readonly Json[] {
  return Array.isArray(value);
}

/** Text values alone: labels, annotations, selectors. */
export function textsAt(value: Value, ...path: readonly string[]): Readonly<Record<string, string>> {
  const texts = Object.entries(objectAt(value, ...path)).flatMap(([key, text]) =>
    typeof text === "string" ? [[key, text] as const] : [],
  );
  return Object.fromEntries(texts);
}

export function nameOf(object: JsonObject): string {
  return textAt(object, "metadata", "name");
}

export function kindOf(object: JsonObject): string {
  return textAt(object, "kind");
}

/** `Deployment/x`. */
export function titleOf(object: JsonObject): string {
  return `${kindOf(object)}/${nameOf(object)}`;
}

export function labelsOf(object: JsonObject): Readonly<Record<string, string>> {
  return textsAt(object, "metadata", "labels");
}

/** A condition of the status, by its type. */
export function conditionOf(object: JsonObject, type: string): JsonObject | undefined {
  return objectsAt(object, "status", "conditions").find((one) => textAt(one, "type") === type);
}
