/** AF516: what can be seen to be wrong with a JSON Schema, and keys of an agent that slid into one. */
import { type Finding, type Json, nearest } from "@agentflow/protocol";

const types = ["object", "array", "string", "number", "integer", "boolean", "null"];
const ofAgents = ["agents", "handoffs", "instructions", "limits", "memory", "model", "prompt", "tools"];
const faultsMax = 20;

/** At most twenty; keywords that are not known are nobody's fault. */
export function schemaFaults(schema: Json, path: string): Finding[] {
  return [...slidFaults(schema, path), ...typeFaults(schema, path)].slice(0, faultsMax);
}

function slidFaults(schema: Json, path: string): Finding[] {
  if (!isObject(schema)) return [];
  const slid = ofAgents.filter((key) => Object.hasOwn(schema, key));
  return slid.map((key): Finding => {
    const message = `${key} stands inside ${path.slice(1)}, where it means nothing`;
    const hint = "is it indented too far? It belongs at the margin";
    return { code: "AF516", severity: "warning", path: `${path}/${key}`, message, hint };
  });
}

function typeFaults(schema: Json, path: string): Finding[] {
  if (!isObject(schema)) return [];
  const { type, properties, items } = schema;
  const named: readonly Json[] = type === undefined ? [] : Array.isArray(type) ? type : [type];
  const wrong = named.filter((one) => typeof one !== "string" || !types.includes(one));
  const below = isObject(properties) ? Object.entries(properties) : [];
  return [
    ...wrong.map((one) => unknownType(one, `${path}/type`)),
    ...below.flatMap(([key, inner]) => typeFaults(inner, `${path}/properties/${pointer(key)}`)),
    ...(items === undefined ? [] : typeFaults(items, `${path}/items`)),
  ];
}

function unknownType(type: Json, path: string): Finding {
  const near = typeof type === "string" ? nearest(type, types) : undefined;
  const meant = near === undefined ? "" : ` (did you mean ${near}?)`;
  const message = `${JSON.stringify(type)} is no type of JSON Schema${meant}`;
  const hint = `types are ${types.join(", ")}`;
  return { code: "AF516", severity: "error", path, message, hint };
}

function pointer(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
