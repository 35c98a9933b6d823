/** A look into published JSON Schemas: what is needed to print them. */
import { jsonSchemaOf } from "@agentflow/protocol/schema";

export interface Property {
  readonly name: string;
  readonly required: boolean;
  readonly type: string;
  readonly description: string;
  readonly default?: string;
  readonly example?: string;
  /** The schema of the property, or of each entry when it is a map. */
  readonly inner: SchemaNode;
}

export type SchemaNode = { readonly [key: string]: unknown };

/** A published schema whose references are put in, so that each node stands for itself. */
export function readSchema(name: string): SchemaNode {
  const schema = jsonSchemaOf(name);
  if (schema === undefined) throw new Error(`there is no schema ${name}`);
  return node(resolve(schema, node(schema["$defs"])));
}

export function properties(schema: SchemaNode): Property[] {
  const required = strings(schema["required"]);
  return Object.entries(node(schema["properties"])).map(([name, value]) => {
    const own = node(value);
    const fallback = own["default"];
    const [example] = list(own["examples"]);
    return {
      name,
      required: required.includes(name),
      type: typeOf(own),
      description: typeof own["description"] === "string" ? own["description"] : "",
      ...(fallback === undefined ? {} : { default: JSON.stringify(fallback) }),
      ...(example === undefined ? {} : { example: JSON.stringify(example) }),
      inner: own["properties"] === undefined && isMap(own) ? node(own["additionalProperties"]) : own,
    };
  });
}

/** The branches of a schema that says one of several. */
export function branches(schema: SchemaNode): SchemaNode[] {
  return list(schema["oneOf"] ?? schema["anyOf"]).map(node);
}

export function node(value: unknown): SchemaNode {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function strings(value: unknown): string[] {
  return list(value).filter((one) => typeof one === "string");
}

function isMap(schema: SchemaNode): boolean {
  return schema["type"] === "object" && Object.keys(node(schema["additionalProperties"])).length > 0;
}

/** The type as a person says it: `text`, `whole number`, `list of text`, `map of objects`. */
function typeOf(schema: SchemaNode): string {
  if (schema["const"] !== undefined) return JSON.stringify(schema["const"]);
  if (Array.isArray(schema["enum"])) return schema["enum"].map((one) => JSON.stringify(one)).join(", ");
  const several = branches(schema);
  if (several.length > 0) return [...new Set(several.map(typeOf))].join(" or ");
  if (schema["type"] === "array") return `list of ${typeOf(node(schema["items"]))}`;
  if (isMap(schema) && schema["properties"] === undefined)
    return `map of ${typeOf(node(schema["additionalProperties"]))}`;
  if (schema["pattern"] === "^([0-9]{1,9})(ms|s|m|h|d)$") return "duration";
  const plain: { readonly [type: string]: string } = {
    string: "text",
    integer: "whole number",
    number: "number",
    boolean: "true or false",
    object: "object",
  };
  const type = schema["type"];
  return (typeof type === "string" ? plain[type] : undefined) ?? "any JSON";
}

function resolve(value: unknown, definitions: SchemaNode): unknown {
  if (Array.isArray(value)) return value.map((one: unknown) => resolve(one, definitions));
  if (typeof value !== "object" || value === null) return value;
  const { $ref, ...rest } = node(value);
  const target = typeof $ref === "string" ? definitions[$ref.replace("#/$defs/", "")] : undefined;
  const own = Object.entries(rest).filter(([key]) => key !== "$defs");
  const resolved = Object.fromEntries(own.map(([key, one]) => [key, resolve(one, definitions)]));
  // What stands beside a reference is said of this place and wins over what the target says of itself.
  return target === undefined ? resolved : { ...node(resolve(target, definitions)), ...resolved };
}
