/** Whether an applied configuration has the types of its schema. What has not is a 500. */
import { isList, isObject } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";
import { untyped } from "../refusal.ts";
import { below, type List, type Shape } from "../schema/shape.ts";
import { elementOf, shownElement } from "./path.ts";

/** `of` as in `failed to create typed patch object (af-demo/web; apps/v1, Kind=Deployment)`. */
export function refuseUntyped(config: JsonObject, shape: Shape, of: string): void {
  const faults = check(config, shape, "");
  const [first] = faults;
  if (first === undefined) return;
  const said = faults.length === 1 ? first : ["errors:", ...faults.map((fault) => `  ${fault}`)].join("\n");
  throw untyped(`failed to create typed patch object (${of}): ${said}`);
}

function check(value: Json, shape: Shape, path: string): string[] {
  if (value === null) return [];
  switch (shape.type) {
    case "struct":
    case "map":
      return isObject(value)
        ? checkFields(value, shape, path)
        : [`${path}: expected map, got &{${inGo(value)}}`];
    case "list":
      return isList(value)
        ? checkItems(value, shape, path)
        : [`${path}: expected list, got &{${inGo(value)}}`];
    case "integer":
    case "number":
      return typeof value === "number"
        ? []
        : [`${path}: expected numeric (int or float), got ${goType(value)}`];
    case "string":
      return typeof value === "string" ? [] : [`${path}: expected string, got ${unstructured(value)}`];
    case "boolean":
      return typeof value === "boolean" ? [] : [`${path}: expected boolean, got &{${inGo(value)}}`];
    case "quantity":
    case "intOrString":
      return typeof value === "object" ? [`${path}: expected any scalar, got &{${inGo(value)}}`] : [];
    default:
      return [];
  }
}

/** Of several unknown fields in one object only the first is named, after all that is known. */
function checkFields(value: JsonObject, shape: Shape, path: string): string[] {
  const faults: string[] = [];
  const unknown = Object.keys(value).find((key) => below(shape, key) === undefined);
  for (const [key, child] of Object.entries(value)) {
    const inner = below(shape, key);
    if (inner !== undefined) faults.push(...check(child, inner, `${path}.${key}`));
  }
  if (unknown !== undefined) faults.push(`${path}.${unknown}: field not declared in schema`);
  return faults;
}

function checkItems(items: readonly Json[], shape: List, path: string): string[] {
  if (shape.kind === "atomic") {
    return items.flatMap((item, index) => check(item, shape.items, `${path}[${index}]`));
  }
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const item of items) {
    const element = elementOf(shape, item);
    if (element === undefined) {
      faults.push(`${path}: associative list with keys has an element that omits key field ${named(shape)}`);
      continue;
    }
    const shown = shownElement(element);
    if (seen.has(element)) faults.push(`${path}: duplicate entries for key ${shown}`);
    seen.add(element);
    faults.push(...check(item, shape.items, `${path}${shown}`));
  }
  return faults;
}

function named(shape: List): string {
  return `${JSON.stringify(shape.keys[0] ?? "")} (and doesn't have default value)`;
}

function unstructured(value: Json): string {
  return `&value.valueUnstructured{Value:${typeof value === "string" ? JSON.stringify(value) : inGo(value)}}`;
}

function goType(value: Json): string {
  if (isList(value)) return "[]interface {}";
  if (isObject(value)) return "map[string]interface {}";
  return typeof value === "boolean" ? "bool" : "string";
}

/** As Go prints a value with %v. */
export function inGo(value: Json): string {
  if (isList(value)) return `[${value.map(inGo).join(" ")}]`;
  if (!isObject(value)) return value === null ? "<nil>" : String(value);
  const pairs = Object.keys(value)
    .sort()
    .map((key) => `${key}:${inGo(value[key] ?? null)}`);
  return `map[${pairs.join(" ")}]`;
}
