/** Reading a definition that may be anything: each key is checked, what is wrong is noted and left out. */
import type { Json } from "@agentflow/protocol";
import { didYouMean } from "../expr/suggest.ts";
import { type Findings, error } from "../plan/findings.ts";
import { pointerPart } from "../plan/schema.ts";

/** An object of the definition and the JSON pointer to it. */
export interface Shape {
  readonly value: { readonly [key: string]: unknown };
  readonly path: string;
  readonly findings: Findings;
}

export function shapeOf(value: unknown, path: string, findings: Findings): Shape | undefined {
  if (isRecord(value)) return { value, path, findings };
  wrongType({ findings, path }, "an object", value);
  return undefined;
}

/** Notes every key that is not known, with the one that may have been meant. */
export function onlyKeys(shape: Shape, known: readonly string[]): void {
  for (const key of Object.keys(shape.value)) {
    if (known.includes(key)) continue;
    const path = pathTo(shape, key);
    const message = `${JSON.stringify(key)} is not a known key${didYouMean(key, known)}`;
    error(shape.findings, { code: "AF001", path, message, hint: `known keys: ${known.join(", ")}` });
  }
}

export function required(shape: Shape, key: string, hint: string): void {
  if (shape.value[key] !== undefined) return;
  const message = `${JSON.stringify(key)} is missing`;
  error(shape.findings, { code: "AF003", path: shape.path, message, hint });
}

export function textAt(shape: Shape, key: string): string | undefined {
  const value = shape.value[key];
  if (value === undefined || typeof value === "string") return value;
  wrongType({ findings: shape.findings, path: pathTo(shape, key) }, "a text", value);
  return undefined;
}

export function wholeNumberAt(
  shape: Shape,
  key: string,
  bounds: { min: number; max: number },
): number | undefined {
  const value = numberAt(shape, key, bounds);
  if (value === undefined || Number.isInteger(value)) return value;
  wrongType({ findings: shape.findings, path: pathTo(shape, key) }, "a whole number", value);
  return undefined;
}

export function numberAt(
  shape: Shape,
  key: string,
  { min, max }: { min: number; max: number },
): number | undefined {
  const value = shape.value[key];
  if (value === undefined) return undefined;
  const path = pathTo(shape, key);
  if (typeof value !== "number" || !Number.isFinite(value)) {
    wrongType({ findings: shape.findings, path }, "a number", value);
    return undefined;
  }
  if (value >= min && value <= max) return value;
  error(shape.findings, {
    code: "AF007",
    path,
    message: `${key} must be from ${min} to ${max}, is ${value}`,
  });
  return undefined;
}

export function textsAt(shape: Shape, key: string): string[] | undefined {
  const value = shape.value[key];
  if (value === undefined) return undefined;
  const path = pathTo(shape, key);
  if (!Array.isArray(value)) {
    wrongType({ findings: shape.findings, path }, "a list of texts", value);
    return undefined;
  }
  const items: readonly unknown[] = value;
  return items.filter((item, i) => {
    const isText = typeof item === "string";
    if (!isText) wrongType({ findings: shape.findings, path: `${path}/${i}` }, "a text", item);
    return isText;
  });
}

export function shapeAt(shape: Shape, key: string): Shape | undefined {
  const value = shape.value[key];
  return value === undefined ? undefined : shapeOf(value, pathTo(shape, key), shape.findings);
}

/** Any JSON; what YAML or code brings beside it (dates, functions, endless numbers, loops) is noted. */
export function jsonAt(shape: Shape, key: string): Json | undefined {
  const value = shape.value[key];
  if (value === undefined) return undefined;
  if (isJson(value, 0)) return value;
  wrongType(
    { findings: shape.findings, path: pathTo(shape, key) },
    "plain JSON, at most 100 levels deep",
    value,
  );
  return undefined;
}

export function pathTo(shape: Shape, key: string): string {
  return `${shape.path}/${pointerPart(key)}`;
}

const depthMax = 100;

function isJson(value: unknown, depth: number): value is Json {
  if (depth > depthMax) return false;
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every((item) => isJson(item, depth + 1));
  return isRecord(value) && Object.values(value).every((item) => isJson(item, depth + 1));
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function wrongType(at: { findings: Findings; path: string }, wanted: string, value: unknown): void {
  const have = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
  error(at.findings, { code: "AF002", path: at.path, message: `must be ${wanted}, is ${have}` });
}
