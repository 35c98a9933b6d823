import type { Environment } from "@marcbachmann/cel-js";
import type { Json, JsonSchema } from "@agentflow/protocol";
import { isPlain } from "./member.ts";

/**
 * Registers JSON Schemas as types of a checking environment and remembers which type stands for which
 * schema. An object that lists `properties` is closed unless it says `additionalProperties`: a typing
 * mistake is likelier than an undeclared key.
 */
export class SchemaTypes {
  readonly #env: Environment;
  readonly #schemas = new Map<string, JsonSchema>();

  constructor(env: Environment) {
    this.#env = env;
  }

  /** The CEL type of a schema; `dyn` for whatever it does not say. */
  typeOf(schema: Json | undefined, depth = 0): string {
    if (!isSchema(schema) || depth > depthMax) return "dyn";
    const inner = withoutNull(schema);
    if (inner !== schema) return this.typeOf(inner, depth + 1);
    switch (typeWord(schema)) {
      case "string":
        return "string";
      // JSON has one kind of number, and so has the checker.
      case "number":
      case "integer":
        return "double";
      case "boolean":
        return "bool";
      case "null":
        return "null";
      case "array":
        return `list<${this.typeOf(schema["items"], depth + 1)}>`;
      case "object":
        return this.#objectType(schema, depth);
      default:
        return "dyn";
    }
  }

  /** The schema that a CEL type stands for; `{}` for any value. */
  schemaOf(cel: string): JsonSchema {
    const known = this.#schemas.get(cel) ?? scalars[cel];
    if (known) return known;
    const optional = /^optional<(.+)>$/.exec(cel)?.[1];
    if (optional !== undefined) return nullable(this.schemaOf(optional));
    const item = /^list<(.+)>$/.exec(cel)?.[1];
    if (item !== undefined) return { type: "array", items: this.schemaOf(item) };
    if (cel.startsWith("list")) return { type: "array" };
    const value = /^map<string, (.+)>$/.exec(cel)?.[1];
    if (value !== undefined) return { type: "object", additionalProperties: this.schemaOf(value) };
    return cel.startsWith("map") ? { type: "object" } : {};
  }

  /** The keys of an object type, for "did you mean". */
  keysOf(cel: string): string[] {
    const properties = this.#schemas.get(cel)?.["properties"];
    return isSchema(properties) ? Object.keys(properties) : [];
  }

  #objectType(schema: JsonSchema, depth: number): string {
    const { properties, additionalProperties } = schema;
    if (additionalProperties === true || isSchema(additionalProperties)) {
      const closed = isSchema(properties) && Object.keys(properties).length > 0;
      return closed ? "map<string, dyn>" : `map<string, ${this.typeOf(additionalProperties, depth + 1)}>`;
    }
    if (!isSchema(properties)) return "map<string, dyn>";
    const fields = Object.entries(properties).map(
      ([key, value]) => [key, this.typeOf(value, depth + 1)] as const,
    );
    const name = `object_${this.#schemas.size + 1}`;
    const declared: { readonly [key: string]: string } = Object.fromEntries(fields);
    this.#env.registerType(name, { fields: declared });
    this.#schemas.set(name, schema);
    return name;
  }
}

const depthMax = 32;

const scalars: { readonly [cel: string]: JsonSchema } = {
  string: { type: "string" },
  double: { type: "number" },
  int: { type: "number" },
  uint: { type: "number" },
  bool: { type: "boolean" },
  null: { type: "null" },
  bytes: { type: "string" },
  "google.protobuf.Timestamp": { type: "string" },
  "google.protobuf.Duration": { type: "string" },
};

export function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && isPlain(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function nullable(schema: JsonSchema): JsonSchema {
  return { anyOf: [schema, { type: "null" }] };
}

/** The same schema without `null` among its types; itself when there is nothing to take away. */
function withoutNull(schema: JsonSchema): JsonSchema {
  const { type, anyOf, oneOf } = schema;
  if (isList(type)) {
    const rest = type.filter((word) => word !== "null");
    const [only] = rest;
    return only === undefined || rest.length > 1 ? {} : { ...schema, type: only };
  }
  const choices = anyOf ?? oneOf;
  if (!isList(choices)) return schema;
  const rest = choices.filter((choice) => !isSchema(choice) || choice["type"] !== "null");
  const [first] = rest;
  const words = new Set(rest.map((choice) => (isSchema(choice) ? typeWord(choice) : undefined)));
  const word = [...words][0];
  if (rest.length === 1 && isSchema(first)) return first;
  // Several objects or lists differ in what they hold; several strings are a string.
  return words.size === 1 && word && ["string", "number", "boolean"].includes(word) ? { type: word } : {};
}

/** The one JSON type that a schema allows, as far as it says. */
export function typeWord(schema: JsonSchema): string | undefined {
  if (typeof schema["type"] === "string") return schema["type"];
  if (isSchema(schema["properties"])) return "object";
  const values = isList(schema["enum"]) ? schema["enum"] : "const" in schema ? [schema["const"]] : [];
  const words = new Set(values.map(wordOf));
  return words.size === 1 ? [...words][0] : undefined;
}

function wordOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
