/** Objects as the server writes them: nothing null, nothing empty that may be left out. */
import { isList, isObject, type Draft, type DraftValue } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";
import { canonicalQuantity } from "./quantity.ts";
import { anything, below, type Shape } from "./shape.ts";

export interface Reading {
  /** Fields that the schema does not know, with the place where each stands; they are dropped. */
  readonly unknown: string[];
  /** The first value that cannot be read. */
  fault?: string;
  /** The text of an amount that is none. */
  quantity?: string;
}

/** Reads an object by its schema; what is unknown or unreadable is noted in `reading`. */
export function normal(object: JsonObject, shape: Shape, reading: Reading): Draft {
  const made = objectOf(object, shape, "", reading);
  const first: Draft = {};
  for (const key of ["kind", "apiVersion", "metadata"]) {
    const value = made[key];
    if (value !== undefined) first[key] = value;
  }
  return { ...first, ...made };
}

function objectOf(object: JsonObject, shape: Shape, path: string, reading: Reading): Draft {
  const made: Draft = {};
  const unknown: string[] = [];
  for (const [key, value] of Object.entries(object)) {
    const here = path === "" ? key : `${path}.${key}`;
    const inner = below(shape, key);
    if (inner === undefined) {
      unknown.push(here);
      continue;
    }
    const read = value === null ? undefined : valueOf(value, inner, here, reading);
    if (read === undefined || (isEmpty(read, inner) && shape.type === "struct")) continue;
    made[key] = read;
  }
  reading.unknown.push(...unknown);
  return made;
}

function valueOf(value: Json, shape: Shape, path: string, reading: Reading): DraftValue | undefined {
  switch (shape.type) {
    case "struct":
    case "map":
      if (isObject(value)) return objectOf(value, shape, path, reading);
      return unreadable(path, value, "object", reading);
    case "list":
      if (!isList(value)) return unreadable(path, value, "array", reading);
      return value.map((item, index) => valueOf(item, shape.items, `${path}[${index}]`, reading) ?? null);
    case "quantity":
      return quantityOf(value, path, reading);
    case "integer":
    case "number":
      return typeof value === "number" ? value : unreadable(path, value, "number", reading);
    case "string":
      if (typeof value !== "string") return unreadable(path, value, "string", reading);
      if (shape.format === "date-time") checkTime(value, reading);
      return value;
    case "boolean":
      return typeof value === "boolean" ? value : unreadable(path, value, "bool", reading);
    default:
      return copyAny(value);
  }
}

function quantityOf(value: Json, path: string, reading: Reading): DraftValue | undefined {
  if (typeof value !== "string" && typeof value !== "number") {
    return unreadable(path, value, "quantity", reading);
  }
  const made = canonicalQuantity(String(value));
  if (made === undefined) reading.quantity ??= String(value);
  return made ?? String(value);
}

function unreadable(path: string, value: Json, wanted: string, reading: Reading): undefined {
  const type = isList(value) ? "array" : isObject(value) ? "object" : typeof value;
  const shown = type === "boolean" ? "bool" : type;
  const field = `Go struct field .${path} of type ${goTypes[wanted] ?? wanted}`;
  reading.fault ??= `json: cannot unmarshal ${shown} into ${field}`;
  return undefined;
}

const goTypes: Readonly<Record<string, string>> = {
  object: "map[string]interface {}",
  array: "[]interface {}",
  number: "int32",
};

const time = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

function checkTime(value: string, reading: Reading): void {
  if (value === "" || time.test(value)) return;
  const layout = "2006-01-02T15:04:05.000000Z07:00";
  const shown = JSON.stringify(value);
  reading.fault ??= `parsing time ${shown} as "${layout}": cannot parse ${shown} as "2006"`;
}

function copyAny(value: Json): DraftValue {
  if (isList(value)) return value.map(copyAny);
  return isObject(value) ? objectOf(value, anything, "", { unknown: [] }) : value;
}

/** Lists and dictionaries without anything in them are left out, unless their kind always has them. */
function isEmpty(value: DraftValue, shape: Shape): boolean {
  if (shape.required) return false;
  if (shape.type === "list") return Array.isArray(value) && value.length === 0;
  return shape.type === "map" && isObject(value) && Object.keys(value).length === 0;
}

/** What an object has before anyone wrote anything: the fields that are never left out. */
export function emptyOf(shape: Shape): Draft {
  const made: Draft = {};
  if (shape.type !== "struct") return made;
  for (const name of shape.names) {
    const field = shape.field(name);
    if (field === undefined) continue;
    if (field.type === "struct" && isObject(field.fallback)) made[name] = field.atomic ? {} : emptyOf(field);
    else if (field.required) made[name] = null;
  }
  return made;
}
