import { Optional } from "@marcbachmann/cel-js";
import type { Json } from "@agentflow/protocol";
import { isPlain } from "./member.ts";
import { exprLimits } from "./limits.ts";
import { refusal } from "./problem.ts";

/**
 * A value of the interpreter as plain JSON. Data that is JSON already is handed on as it stands, uncopied. Integers
 * beyond 2^53, infinities and NaN are refused; an absent optional is null; times are RFC 3339, durations `30s` or
 * `250ms`, bytes base64. Throws a refusal of code `limit` when the JSON text would pass the result's bound.
 */
export function toJson(value: unknown): Json {
  return convert(value, { chars: 0 }, 0);
}

interface Size {
  chars: number;
}

function convert(value: unknown, size: Size, depth: number): Json {
  switch (typeof value) {
    case "string":
      grow(size, value.length + 2);
      return value;
    case "number":
      grow(size, 1);
      if (Number.isFinite(value)) return value;
      throw refusal("value", `the result is no JSON number: ${value}`);
    case "bigint":
      grow(size, 1);
      return integer(value);
    case "boolean":
      grow(size, 4);
      return value;
    case "undefined":
      grow(size, 4);
      return null;
    case "object":
      return value === null ? (grow(size, 4), null) : convertObject(value, size, depth);
    default:
      throw refusal("type", `the result is no JSON value: ${typeof value}`);
  }
}

function convertObject(value: object, size: Size, depth: number): Json {
  if (depth > exprLimits.resultDepthMax) throw refusal("limit", "the result nests too deep");
  if (Array.isArray(value)) return convertList(value, size, depth);
  if (isPlain(value)) return convertPlain(value, size, depth);
  if (value instanceof Optional) return convert(value.orValue(null), size, depth);
  if (value instanceof Map) return convertPlain(Object.fromEntries(value), size, depth);
  if (value instanceof Set) return convertList([...value], size, depth);
  return convert(scalar(value), size, depth);
}

function convertList(list: readonly unknown[], size: Size, depth: number): Json {
  grow(size, 2 + list.length);
  let copy: Json[] | undefined;
  for (let i = 0; i < list.length; i++) {
    const item = convert(list[i], size, depth + 1);
    if (copy) copy.push(item);
    else if (item !== list[i]) copy = [...list.slice(0, i).map(seen), item];
  }
  return copy ?? seen(list);
}

function convertPlain(from: { readonly [key: string]: unknown }, size: Size, depth: number): Json {
  let changed: [string, Json][] | undefined;
  for (const key of Object.keys(from)) {
    grow(size, key.length + 4);
    const item = convert(from[key], size, depth + 1);
    if (item !== from[key]) (changed ??= []).push([key, item]);
  }
  return changed ? replaced(from, changed) : seen(from);
}

/** `fromEntries` defines keys and assigns none, so a key named `__proto__` stays data. */
function replaced(from: { readonly [key: string]: unknown }, changed: readonly [string, Json][]): Json {
  const news = new Map<string, unknown>(changed);
  const entries = Object.keys(from).map((key) => [key, news.has(key) ? news.get(key) : from[key]] as const);
  return seen(Object.fromEntries(entries));
}

function scalar(value: object): Json | bigint {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return base64(value);
  const inner: unknown = value.valueOf();
  if (typeof inner === "bigint") return inner;
  if (typeof inner === "number") return duration(inner);
  if ("name" in value && typeof value.name === "string") return value.name;
  throw refusal("type", "the result is no JSON value");
}

function integer(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw refusal("value", `the result is beyond 2^53: ${value}`);
}

function duration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${Math.trunc(ms)}ms`;
}

export function base64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function grow(size: Size, chars: number): void {
  size.chars += chars;
  if (size.chars > exprLimits.resultCharsMax) {
    throw refusal("limit", `the result is longer than ${exprLimits.resultCharsMax} characters of JSON`);
  }
}

/** The door: every member was looked at, and each one converted to itself. */
function seen(value: unknown): Json {
  return value as Json;
}
