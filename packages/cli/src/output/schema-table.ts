/** A JSON Schema as a person reads it: a line a key, with its type and what it is for. */
import { type JsonSchema } from "@agentflow/protocol";
import type { Output } from "./output.ts";
import { heading, printTable } from "./table.ts";
import { dim } from "./text.ts";
import { visibleJson } from "./visible.ts";

interface Key {
  readonly name: string;
  readonly type: string;
  readonly needed: boolean;
  readonly what: string;
}

/** Whole only with `--json`: bounds of values and what stands deeper are left to that. */
export function printSchema(output: Output, title: string, schema: JsonSchema | undefined): void {
  heading(output, title);
  const keys = schema === undefined ? undefined : keysOf(schema);
  if (keys === undefined) {
    output.line(schema === undefined ? "anything" : typeText(schema));
    return;
  }
  if (keys.length === 0) {
    output.line(dim("no keys"));
    return;
  }
  printTable<Key>(
    output,
    [
      { title: "KEY", of: ({ name }) => name },
      { title: "TYPE", of: ({ type }) => type, flexible: true },
      { title: "NEEDED", of: ({ needed }) => (needed ? "yes" : "no") },
      { title: "WHAT", of: ({ what }) => what, flexible: true },
    ],
    keys,
  );
}

/** Undefined for what is no object with known keys. */
function keysOf(schema: JsonSchema): Key[] | undefined {
  const { type, properties, required } = schema;
  if (type !== "object" || !isObject(properties)) return undefined;
  const needed = new Set(Array.isArray(required) ? required : []);
  return Object.entries(properties).map(([name, value]) => ({
    name,
    type: typeText(value),
    needed: needed.has(name),
    what: textOf(value, "description"),
  }));
}

const wordsMax = 8;

/** `string`, `integer[]`, `"a" | "b"`; what has no such name is shown as it is written. */
function typeText(schema: unknown): string {
  if (!isObject(schema)) return "anything";
  const { type, items, enum: words, anyOf, const: only } = schema;
  if (Array.isArray(words)) {
    const more = words.length > wordsMax ? " | …" : "";
    return (
      words
        .slice(0, wordsMax)
        .map((word) => visibleJson(word))
        .join(" | ") + more
    );
  }
  if (only !== undefined) return visibleJson(only);
  if (Array.isArray(anyOf)) return anyOf.map(typeText).join(" | ");
  if (type === "array") {
    const item = items === undefined ? "anything" : typeText(items);
    return item.includes(" ") ? `(${item})[]` : `${item}[]`;
  }
  if (typeof type === "string") return type;
  if (Array.isArray(type)) return type.join(" | ");
  return Object.keys(schema).length === 0 ? "anything" : visibleJson(schema);
}

function textOf(value: unknown, key: string): string {
  const text: unknown = isObject(value) ? value[key] : undefined;
  return typeof text === "string" ? text : "";
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
