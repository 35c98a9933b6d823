/** The two kinds of object: records keep unknown keys, authored files refuse them. And plain JSON. */
import { z } from "zod";
import type { Json, JsonObject } from "../json.ts";
import { nearest } from "../nearest.ts";

/** A record: unknown keys are kept and ignored, so the type does not speak of them. */
export function record<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strip> {
  return z.looseObject(shape) as z.ZodObject<Shape, z.core.$strip>;
}

/** A part of an authored file: an unknown key is refused, with the known one that is nearest. */
export function authored<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? unknownKeys(issue.keys, known) : undefined),
  });
}

/** A list that nobody changes once it was read. */
export function list<Item extends z.ZodType>(
  item: Item,
  max?: number,
): z.ZodType<readonly z.output<Item>[], readonly z.input<Item>[]> {
  const all = z.array(item);
  return max === undefined ? all : all.max(max);
}

/** Deeper JSON than this is nobody's data, and recursion over it would end on the stack. */
export const jsonDepthMax = 100;

/** Any JSON value, at most `jsonDepthMax` deep. Does not recurse, so that a hostile depth is only refused. */
export const json = z.custom<Json>(isJson, { error: `is not JSON, or nested deeper than ${jsonDepthMax}` });

/** A JSON object. */
export const jsonObject = z.custom<JsonObject>((value) => isMap(value) && isJson(value), {
  error: `is not a JSON object, or nested deeper than ${jsonDepthMax}`,
});

/** What JSON makes of an object: without methods, prototypes and undefined. */
export function plainObject(value: object): JsonObject {
  return jsonObject.parse(JSON.parse(JSON.stringify(value)));
}

function isJson(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= jsonDepthMax; depth++) {
    const next: unknown[] = [];
    for (const one of level) {
      if (Array.isArray(one)) for (const item of one) next.push(item);
      else if (isMap(one)) for (const key of Object.keys(one)) next.push(one[key]);
      else if (!isLeaf(one)) return false;
    }
    if (next.length === 0) return true;
    level = next;
  }
  return false;
}

function isMap(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isLeaf(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return value === null || typeof value === "string" || typeof value === "boolean";
}

function unknownKeys(keys: readonly string[], known: readonly string[]): string {
  const said = keys.map((key) => {
    const near = nearest(key, known);
    return near === undefined ? JSON.stringify(key) : `${JSON.stringify(key)} (did you mean ${near}?)`;
  });
  return `unknown ${keys.length === 1 ? "key" : "keys"} ${said.join(", ")}; known are ${known.join(", ")}`;
}
