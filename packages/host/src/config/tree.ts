/** What a zod schema says about each key, read once, so that layers can be matched and checked against it. */
import type { z } from "zod";
import { isSecretKey } from "../log/secrets.ts";

export type Leaf = "string" | "number" | "boolean" | "list" | "other";

interface Common {
  /** A change is taken over while running. A section passes this on to what is in it. */
  readonly reload: boolean;
  readonly secret: boolean;
}

export type Node =
  | (Common & {
      readonly kind: "section";
      readonly keys: ReadonlyMap<string, Node>;
      readonly always: boolean;
    })
  | (Common & { readonly kind: "record"; readonly value: Node })
  | (Common & { readonly kind: "leaf"; readonly leaf: Leaf });

export type Section = Extract<Node, { kind: "section" }>;

/** The tree of an object schema; anything else is a bug of the caller. */
export function treeOf(schema: z.ZodType): Section {
  const node = nodeOf(schema, { reload: false, secret: false });
  if (node.kind !== "section") throw new TypeError("a configuration schema is an object");
  return node;
}

/** The node at a path, or the deepest one above it. */
export function nodeAt(root: Node, path: readonly string[]): Node {
  let node = root;
  for (const part of path) {
    const next =
      node.kind === "section" ? node.keys.get(part) : node.kind === "record" ? node.value : undefined;
    if (next === undefined) return node;
    node = next;
  }
  return node;
}

/** All fixed leaves and records with their paths, in the order of the schema. */
export function* leavesOf(node: Node, path: readonly string[] = []): Generator<[string[], Node]> {
  if (node.kind !== "section") yield [[...path], node];
  else for (const [key, below] of node.keys) yield* leavesOf(below, [...path, key]);
}

function nodeOf(schema: unknown, above: Common): Node {
  const def = defOf(schema);
  const common = {
    reload: above.reload || marked(schema, "reload"),
    secret: above.secret || marked(schema, "secret"),
  };
  const type = text(def, "type");
  const inner = get(def, "innerType") ?? (type === "pipe" ? get(def, "in") : undefined);
  if (inner !== undefined) {
    const node = nodeOf(inner, common);
    // An optional section stays absent and one with a default keeps it, unless a layer names a key.
    return node.kind === "section" && type !== "readonly" ? { ...node, always: false } : node;
  }
  if (type === "object")
    return { ...common, kind: "section", keys: keysOf(get(def, "shape"), common), always: true };
  if (type === "record") return { ...common, kind: "record", value: nodeOf(get(def, "valueType"), common) };
  return { ...common, kind: "leaf", leaf: leafOf(type, def) };
}

function keysOf(shape: unknown, above: Common): Map<string, Node> {
  const entries = typeof shape === "object" && shape !== null ? Object.entries(shape) : [];
  return new Map(
    entries.map(([key, schema]) => [
      key,
      nodeOf(schema, { ...above, secret: above.secret || isSecretKey(key) }),
    ]),
  );
}

function leafOf(type: string, def: unknown): Leaf {
  if (type === "number" || type === "int" || type === "bigint") return "number";
  if (type === "boolean") return "boolean";
  if (type === "array" || type === "tuple" || type === "set") return "list";
  if (type === "union") return leafOfUnion(get(def, "options"));
  return type === "string" || type === "enum" || type === "literal" ? "string" : "other";
}

/** A union whose members agree is read like one of them; else its text is read as YAML would be. */
function leafOfUnion(options: unknown): Leaf {
  const leaves = Array.isArray(options)
    ? options.map((one) => leafOf(text(defOf(one), "type"), defOf(one)))
    : [];
  const [first = "other"] = leaves;
  return leaves.every((leaf) => leaf === first) ? first : "other";
}

function marked(schema: unknown, name: string): boolean {
  if (typeof schema !== "object" || schema === null || !("meta" in schema)) return false;
  if (typeof schema.meta !== "function") return false;
  const meta: unknown = Reflect.apply(schema.meta, schema, []);
  return get(meta, name) === true;
}

function defOf(schema: unknown): unknown {
  return get(schema, "def");
}

function text(value: unknown, key: string): string {
  const found = get(value, key);
  return typeof found === "string" ? found : "";
}

function get(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
