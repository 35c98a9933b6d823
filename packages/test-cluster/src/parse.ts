/** Where text becomes JSON: the only casts of this package. */
import { parse } from "yaml";
import { isObject } from "./json.ts";
import type { Json, JsonObject, KubeObject } from "./object.ts";

export function parseJson(text: string): Json {
  return JSON.parse(text) as Json;
}

/** YAML, of which JSON is a part. Throws what the parser says. */
export function parseYaml(text: string): Json {
  return (parse(text) ?? null) as Json;
}

/** What the store keeps has kind, apiVersion and a name: checked here, at the door. */
export function parseKubeObject(value: JsonObject): KubeObject {
  const { metadata } = value;
  const named = isObject(metadata) && typeof metadata["name"] === "string" && metadata["name"] !== "";
  if (!named) throw new TypeError("an object without metadata.name cannot be kept");
  if (typeof value["kind"] !== "string" || typeof value["apiVersion"] !== "string") {
    throw new TypeError("an object without kind and apiVersion cannot be kept");
  }
  return value as KubeObject;
}
