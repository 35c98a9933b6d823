import type { Json, JsonSchema } from "@agentflow/protocol";
import { type Obj, isList, isObject, referred } from "./schema.ts";

/** The keys of the objects that a schema describes, over all its branches. */
export interface Known {
  readonly keys: ReadonlyMap<string, readonly Json[]>;
  /** What stands under any other key, as far as it is told. */
  readonly others: readonly Json[];
  /** Other keys are taken as well, or nothing is known of the keys. */
  readonly open: boolean;
}

/** Open unless every branch that can be an object lists its properties and lets no others through. */
export function knownKeys(root: JsonSchema, schema: Obj): Known {
  const found = { keys: new Map<string, Json[]>(), others: [], open: false, listed: false };
  collect(found, { root, schema, depth: 0 });
  return { ...found, open: found.open || !found.listed };
}

interface Found {
  readonly keys: Map<string, Json[]>;
  readonly others: Json[];
  open: boolean;
  listed: boolean;
}

interface Branch {
  readonly root: JsonSchema;
  readonly schema: Obj;
  readonly depth: number;
}

const depthMax = 32;
/** Keywords that give meaning to keys in ways that are not followed here. */
const opening = ["patternProperties", "unevaluatedProperties", "if", "dependentSchemas", "$dynamicRef"];

function collect(found: Found, { root, schema, depth }: Branch): void {
  if (!canBeObject(schema)) return;
  const { properties, additionalProperties, $ref } = schema;
  const branches = branchesOf(schema);
  if (typeof $ref === "string") branches.push(referred(root, $ref) ?? null);
  const unclear = depth > depthMax || opening.some((word) => Object.hasOwn(schema, word));
  if (unclear || takesOthers(additionalProperties)) found.open = true;
  if (isObject(additionalProperties)) found.others.push(additionalProperties);
  if (isObject(properties)) {
    found.listed = true;
    for (const [key, value] of Object.entries(properties)) {
      found.keys.set(key, [...(found.keys.get(key) ?? []), value]);
    }
  } else if (branches.length === 0) found.open = true;
  if (found.open && unclear) return;
  for (const branch of branches) {
    if (isObject(branch)) collect(found, { root, schema: branch, depth: depth + 1 });
    else found.open = true;
  }
}

function branchesOf({ allOf, anyOf, oneOf }: Obj): Json[] {
  return [allOf, anyOf, oneOf].flatMap((choices) => (isList(choices) ? choices : []));
}

function canBeObject({ type }: Obj): boolean {
  return type === undefined || type === "object" || (isList(type) && type.includes("object"));
}

function takesOthers(additional: Json | undefined): boolean {
  return additional !== undefined && additional !== false;
}
