/** What a field may hold, as far as merging and checking need it. */
import type { Json } from "../object.ts";

interface Common {
  /** Of the field: what the API fills in for it inside keys of lists. */
  readonly fallback?: Json;
  /** Of the field: it is written out even when it is empty. */
  readonly required: boolean;
}

export interface Scalar extends Common {
  readonly type: "string" | "integer" | "number" | "boolean" | "quantity" | "intOrString" | "any";
  readonly format?: string;
}

export interface Struct extends Common {
  readonly type: "struct";
  /** One leaf: it is owned and replaced as a whole. */
  readonly atomic: boolean;
  readonly field: (name: string) => Shape | undefined;
  readonly names: readonly string[];
}

export interface Dictionary extends Common {
  readonly type: "map";
  readonly atomic: boolean;
  readonly values: Shape;
  readonly strategies: readonly string[];
}

export interface List extends Common {
  readonly type: "list";
  readonly kind: "atomic" | "set" | "map";
  /** In order of their names. */
  readonly keys: readonly string[];
  readonly items: Shape;
  /** Of a strategic merge patch. */
  readonly mergeKey?: string;
  readonly strategies: readonly string[];
}

export type Shape = Scalar | Struct | Dictionary | List;

/** For what no document describes: objects merge by key, lists are replaced. */
export const anything: Scalar = { type: "any", required: false };

/** The shape below that key of an object; undefined where the schema does not know the key. */
export function below(shape: Shape, key: string): Shape | undefined {
  if (shape.type === "struct") return shape.field(key);
  if (shape.type === "map") return shape.values;
  return shape.type === "any" ? anything : undefined;
}

/** It is one leaf: owned, compared and replaced as a whole. */
export function isLeaf(shape: Shape): boolean {
  if (shape.type === "list") return shape.kind === "atomic";
  return shape.type === "struct" || shape.type === "map" ? shape.atomic : shape.type !== "any";
}
