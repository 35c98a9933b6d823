import { Optional } from "@marcbachmann/cel-js";
import type { Json } from "@agentflow/protocol";
import { isPlain } from "./member.ts";
import { exprLimits } from "./limits.ts";
import { refusal } from "./problem.ts";

/**
 * A value of the interpreter as plain JSON. Data that is JSON already is handed on as it stands, uncopied.
 * Integers beyond 2^53, infinities and NaN are refused; an absent optional is null; times are RFC 3339,
 * durations `30s` or `250ms`, bytes base64. Throws a refusal of code `limit` when the JSON text would pass
 * the result's bound.
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
      grow(size, digits(value));
      if (Number.isFinite(value)) return value;
      throw refusal("value", `the result is no JSON number: ${value}`);
    case "bigint":
      grow(size, digits(Number(value)));
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
  if (value instanceof Map) return convertMap(value, size, depth);
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

function convertMap(map: ReadonlyMap<unknown, unknown>, size: Size, depth: number): Json {
  const entries = [...map].map(([key, value]) => [String(key), value] as const);
  return convertPlain(Object.fromEntries(entries), size, depth);
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
  // In pieces: a call takes no more arguments than the stack holds.
  for (let at = 0; at < bytes.length; at += 8_192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  }
  return btoa(binary);
}

/** How long a number is when written; fractions are taken to be as long as they can be. */
function digits(value: number): number {
  if (!Number.isInteger(value)) return 20;
  const size = Math.abs(value);
  return size < 10 ? 1 : Math.floor(Math.log10(size)) + 2;
}

function grow(size: Size, chars: number): void {
  size.chars += chars;
  if (size.chars > exprLimits.resultCharsMax) {
    throw refusal("limit", `the result is longer than ${exprLimits.resultCharsMax} characters of JSON`);
  }
}

/** The door: its members were looked at one by one, and each converted to itself. */
function seen(value: unknown): Json {
  if (isJson(value)) return value;
  throw refusal("type", `the result is no JSON value: ${typeof value}`);
}

function isJson(value: unknown): value is Json {
  return value === null || ["boolean", "number", "string", "object"].includes(typeof value);
}
