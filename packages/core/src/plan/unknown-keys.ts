/**
 * Keys of a written input that its schema does not know and does not forbid either. A schema library drops
 * such a key before the tool sees it (zod does unless told otherwise), so a misspelt one goes unnoticed.
 */
import type { Json, JsonSchema } from "@agentflow/protocol";
import { type Obj, isList, isObject, pointerPart } from "./schema.ts";
import { type Known, knownKeys } from "./known-keys.ts";

export interface UnknownKey {
  /** JSON pointer to the value under the key. */
  readonly path: string;
  readonly key: string;
  /** The keys that would have been taken there. */
  readonly known: readonly string[];
}

/** The first 100, from the outside in; nothing is said where the schema leaves its keys open. */
export function unknownKeys(schema: JsonSchema, value: Json): readonly UnknownKey[] {
  const found: UnknownKey[] = [];
  visit({ root: schema, found }, schema, { value, path: "", depth: 0 });
  return found;
}

const foundMax = 100;
const depthMax = 100;

interface Search {
  readonly root: JsonSchema;
  readonly found: UnknownKey[];
}

interface Spot {
  readonly value: Json;
  readonly path: string;
  readonly depth: number;
}

function visit(search: Search, schema: Json | undefined, spot: Spot): void {
  const { value, depth } = spot;
  if (!isObject(schema) || depth > depthMax || search.found.length >= foundMax) return;
  if (isList(value)) visitList(search, schema, { ...spot, value });
  else if (isObject(value)) visitObject(search, knownKeys(search.root, schema), { ...spot, value });
}

function visitList(
  search: Search,
  { items, prefixItems }: Obj,
  spot: Spot & { value: readonly Json[] },
): void {
  const first = isList(prefixItems) ? prefixItems : [];
  for (const [i, value] of spot.value.entries()) {
    visit(search, first[i] ?? items, { value, path: `${spot.path}/${i}`, depth: spot.depth + 1 });
  }
}

function visitObject(search: Search, known: Known, spot: Spot & { value: Obj }): void {
  for (const [key, value] of Object.entries(spot.value)) {
    const path = `${spot.path}/${pointerPart(key)}`;
    const schemas = known.keys.get(key) ?? known.others;
    if (schemas.length === 0) {
      if (!known.open) search.found.push({ path, key, known: [...known.keys.keys()] });
      continue;
    }
    const schema = schemas.length === 1 ? schemas[0] : { anyOf: schemas };
    visit(search, schema, { value, path, depth: spot.depth + 1 });
  }
}
