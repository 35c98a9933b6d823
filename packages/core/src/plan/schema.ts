/**
 * Checks a value against the subset of JSON Schema that zod writes. `pattern` and `format` are not evaluated:
 * a regular expression of a definition could cost any time. Keywords that are not known are taken to hold.
 */
import type { Json, JsonSchema } from "@agentflow/protocol";
import { didYouMean } from "../expr/suggest.ts";
import { checkNumber, checkText } from "./schema-scalars.ts";

export interface SchemaProblem {
  /** JSON pointer to the value that does not fit. */
  readonly path: string;
  readonly message: string;
}

export interface CheckOptions {
  /** Values that are taken to fit, such as expressions that are not evaluated yet. */
  readonly skip?: (path: string) => boolean;
}

/** Every problem of the value, the first 100; none means that it fits. */
export function checkSchema(
  schema: JsonSchema,
  value: Json,
  options: CheckOptions = {},
): readonly SchemaProblem[] {
  const check: Check = { root: schema, skip: options.skip ?? (() => false), problems: [] };
  visit(check, schema, { value, path: "", depth: 0 });
  return check.problems;
}

const problemsMax = 100;
const depthMax = 100;

interface Check {
  readonly root: JsonSchema;
  readonly skip: (path: string) => boolean;
  readonly problems: SchemaProblem[];
}

interface Spot {
  readonly value: Json;
  readonly path: string;
  readonly depth: number;
}

function visit(check: Check, schema: Json | undefined, spot: Spot): void {
  if (check.problems.length >= problemsMax || check.skip(spot.path)) return;
  if (schema === false) return report(check, spot, "nothing is allowed here");
  if (!isObject(schema)) return;
  if (spot.depth > depthMax) return report(check, spot, "nested too deep");
  const target = referred(check.root, schema["$ref"]);
  if (target !== undefined) visit(check, target, { ...spot, depth: spot.depth + 1 });
  if (!checkType(check, schema, spot)) return;
  checkEqual(check, schema, spot);
  checkChoices(check, schema, spot);
  const { value } = spot;
  if (typeof value === "string") reportAll(check, spot, checkText(schema, value));
  else if (typeof value === "number") reportAll(check, spot, checkNumber(schema, value));
  else if (isList(value)) checkList(check, schema, { ...spot, value });
  else if (isObject(value)) checkObject(check, schema, { ...spot, value });
}

/** `#/$defs/name` and the like, within the schema itself. */
export function referred(root: JsonSchema, ref: Json | undefined): Json | undefined {
  if (typeof ref !== "string" || !ref.startsWith("#")) return undefined;
  let at: Json | undefined = root;
  for (const part of ref.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }
  return at;
}

function checkType(check: Check, schema: Obj, spot: Spot): boolean {
  const { type } = schema;
  const wanted = typeof type === "string" ? [type] : isList(type) ? type.filter(isText) : [];
  if (wanted.length === 0) return true;
  const have = typeWord(spot.value);
  const fits = wanted.includes(have) || (have === "integer" && wanted.includes("number"));
  if (!fits) report(check, spot, `must be ${wanted.join(" or ")}, is ${have}`);
  return fits;
}

function checkEqual(check: Check, schema: Obj, spot: Spot): void {
  const { enum: choices, const: only } = schema;
  if (only !== undefined && !same(only, spot.value)) report(check, spot, `must be ${show(only)}`);
  if (!isList(choices) || choices.some((choice) => same(choice, spot.value))) return;
  const near = typeof spot.value === "string" ? didYouMean(spot.value, choices.filter(isText)) : "";
  report(check, spot, `must be one of ${choices.map(show).join(", ")}${near}`);
}

function checkChoices(check: Check, schema: Obj, spot: Spot): void {
  const { anyOf, oneOf, allOf, not } = schema;
  if (isList(allOf)) for (const each of allOf) visit(check, each, { ...spot, depth: spot.depth + 1 });
  if (isList(anyOf)) checkCount(check, { schemas: anyOf, most: anyOf.length }, spot);
  if (isList(oneOf)) checkCount(check, { schemas: oneOf, most: 1 }, spot);
  if (not !== undefined && problemsOf(check, not, spot).length === 0) report(check, spot, "must not be this");
}

function checkCount(check: Check, wanted: { schemas: readonly Json[]; most: number }, spot: Spot): void {
  const outcomes = wanted.schemas.map((schema) => problemsOf(check, schema, spot));
  const fitting = outcomes.filter((problems) => problems.length === 0).length;
  if (fitting > wanted.most) report(check, spot, "fits more than one of the choices");
  if (fitting > 0) return;
  // The choice that came furthest is most likely the one that was meant.
  const [best] = outcomes.toSorted((a, b) => deepest(b) - deepest(a) || a.length - b.length);
  if (best !== undefined && deepest(best) > spot.path.length) check.problems.push(...best);
  else
    report(check, spot, [...new Set(outcomes.map(([first]) => first?.message ?? "must fit"))].join(", or "));
}

function problemsOf(check: Check, schema: Json, spot: Spot): readonly SchemaProblem[] {
  const inner: Check = { ...check, problems: [] };
  visit(inner, schema, { ...spot, depth: spot.depth + 1 });
  return inner.problems;
}

function deepest(problems: readonly SchemaProblem[]): number {
  return Math.min(...problems.map(({ path }) => path.length));
}

function checkList(
  check: Check,
  schema: Obj,
  { value, path, depth }: Spot & { value: readonly Json[] },
): void {
  const { items, prefixItems, minItems, maxItems, uniqueItems } = schema;
  const spot = { value, path, depth };
  if (typeof minItems === "number" && value.length < minItems)
    report(check, spot, `needs at least ${minItems} ${minItems === 1 ? "item" : "items"}`);
  if (typeof maxItems === "number" && value.length > maxItems)
    report(check, spot, `has more than ${maxItems} items`);
  const first = isList(prefixItems) ? prefixItems : [];
  for (const [i, item] of value.entries()) {
    visit(check, first[i] ?? items, { value: item, path: `${path}/${i}`, depth: depth + 1 });
  }
  if (uniqueItems !== true) return;
  const texts = new Set(value.map((item) => JSON.stringify(item)));
  if (texts.size < value.length) report(check, spot, "has an item twice");
}

function checkObject(check: Check, schema: Obj, { value, path, depth }: Spot & { value: Obj }): void {
  const { properties, required, additionalProperties, propertyNames } = schema;
  const known = isObject(properties) ? properties : {};
  for (const key of isList(required) ? required.filter(isText) : []) {
    if (!Object.hasOwn(value, key)) report(check, { path }, `misses ${show(key)}`);
  }
  for (const [key, item] of Object.entries(value)) {
    const spot = { value: item, path: `${path}/${pointerPart(key)}`, depth: depth + 1 };
    if (propertyNames !== undefined) visit(check, propertyNames, { ...spot, value: key });
    if (Object.hasOwn(known, key)) visit(check, known[key], spot);
    else if (additionalProperties === false) {
      report(check, spot, `is not a known key${didYouMean(key, Object.keys(known))}`);
    } else if (additionalProperties !== undefined) visit(check, additionalProperties, spot);
  }
}

export type Obj = { readonly [key: string]: Json };

export function isObject(value: Json | undefined): value is Obj {
  return typeof value === "object" && value !== null && !isList(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** A key as a part of a JSON pointer. */
export function pointerPart(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function isText(value: Json): value is string {
  return typeof value === "string";
}

function typeWord(value: Json): string {
  if (value === null) return "null";
  if (isList(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function same(a: Json, b: Json): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (isList(a) || isList(b)) {
    return isList(a) && isList(b) && a.length === b.length && a.every((item, i) => same(item, b[i] ?? null));
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && same(a[key] ?? null, b[key] ?? null));
}

function show(value: Json): string {
  return JSON.stringify(value).slice(0, 80);
}

function report(check: Check, { path }: Pick<Spot, "path">, message: string): void {
  check.problems.push({ path, message });
}

function reportAll(check: Check, spot: Spot, messages: readonly string[]): void {
  for (const message of messages) report(check, spot, message);
}
