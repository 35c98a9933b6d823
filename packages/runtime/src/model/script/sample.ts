/** The smallest value that a JSON Schema allows, for scripts that answer by themselves. */
import type { Json, JsonObject, JsonSchema } from "@agentflow/protocol";
import { isObject, listOf, objectOf } from "../json.ts";

/**
 * Only what is required is there; always the same. Patterns are not followed: write a rule where they
 * matter.
 */
export function sampleOf(schema: JsonSchema): Json {
  return sample(schema, { root: schema, depth: 0 });
}

interface At {
  readonly root: JsonSchema;
  readonly depth: number;
}

const depthMax = 24;

function sample(schema: Json | undefined, at: At): Json {
  if (!isObject(schema) || at.depth > depthMax) return null;
  const below = { ...at, depth: at.depth + 1 };
  if (typeof schema["$ref"] === "string") return sample(pointed(at.root, schema["$ref"]), below);
  const given = givenValue(schema);
  if (given !== undefined) return given;
  const [branch] = listOf(schema["anyOf"] ?? schema["oneOf"]);
  if (branch !== undefined) return sample(merged([{ ...schema, anyOf: [], oneOf: [] }, branch]), below);
  const all = listOf(schema["allOf"]);
  if (all.length > 0) return sample(merged([{ ...schema, allOf: [] }, ...all]), below);
  return sampleOfType(typeOf(schema), schema, below);
}

function givenValue(schema: JsonObject): Json | undefined {
  if (schema["const"] !== undefined) return schema["const"];
  const [first] = listOf(schema["enum"]);
  return first ?? schema["default"];
}

function sampleOfType(type: string, schema: JsonObject, at: At): Json {
  switch (type) {
    case "object":
      return objectSample(schema, at);
    case "array":
      return Array.from({ length: Math.min(number(schema["minItems"]) ?? 0, 100) }, (_, i) =>
        sample(listOf(schema["prefixItems"])[i] ?? schema["items"], at),
      );
    case "string":
      return stringSample(schema);
    case "number":
    case "integer":
      return numberSample(schema, type === "integer");
    case "boolean":
      return false;
    default:
      return null;
  }
}

function objectSample(schema: JsonObject, at: At): Json {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const names = listOf(schema["required"]).filter((name) => typeof name === "string");
  return Object.fromEntries(names.map((name) => [name, sample(properties[name], at)]));
}

const formats: { readonly [format: string]: string } = {
  date: "2026-01-01",
  "date-time": "2026-01-01T00:00:00.000Z",
  time: "00:00:00Z",
  duration: "PT1S",
  email: "someone@example.com",
  hostname: "example.com",
  ipv4: "127.0.0.1",
  ipv6: "::1",
  uri: "https://example.com",
  url: "https://example.com",
  uuid: "00000000-0000-4000-8000-000000000000",
};

function stringSample(schema: JsonObject): string {
  const format = schema["format"];
  const known = typeof format === "string" ? formats[format] : undefined;
  if (known !== undefined) return known;
  const least = Math.min(number(schema["minLength"]) ?? 0, 10_000);
  const most = number(schema["maxLength"]) ?? Math.max(4, least);
  return "text".padEnd(least, "text").slice(0, Math.max(most, least));
}

function numberSample(schema: JsonObject, whole: boolean): number {
  const step = number(schema["multipleOf"]) ?? (whole ? 1 : undefined);
  const above = number(schema["exclusiveMinimum"]);
  const below = number(schema["exclusiveMaximum"]);
  const most = number(schema["maximum"]) ?? (below === undefined ? undefined : below - (step ?? 0.5));
  const least = number(schema["minimum"]) ?? (above === undefined ? undefined : above + (step ?? 0.5));
  const near = least !== undefined && least > 0 ? least : Math.min(0, most ?? 0);
  const chosen = least !== undefined && near < least ? least : near;
  return step === undefined ? chosen : Math.ceil(chosen / step) * step + 0;
}

function typeOf(schema: JsonObject): string {
  const [type] = [schema["type"]].flat();
  if (typeof type === "string") return type;
  if (schema["properties"] !== undefined || schema["required"] !== undefined) return "object";
  return schema["items"] === undefined ? "null" : "array";
}

function merged(schemas: readonly Json[]): JsonObject {
  let all: JsonObject = {};
  for (const one of schemas) {
    if (!isObject(one)) continue;
    const properties = { ...objectOf(all["properties"]), ...objectOf(one["properties"]) };
    const required = [...new Set([...listOf(all["required"]), ...listOf(one["required"])])];
    all = { ...all, ...one, ...(Object.keys(properties).length > 0 ? { properties } : {}) };
    if (required.length > 0) all = { ...all, required };
  }
  return all;
}

function pointed(root: JsonSchema, ref: string): Json | undefined {
  let at: Json | undefined = root;
  for (const part of ref.replace(/^#\/?/, "").split("/")) {
    if (part === "") continue;
    at = isObject(at) ? at[part.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return at;
}

function number(value: Json | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}
