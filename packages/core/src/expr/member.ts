import { didYouMean } from "./suggest.ts";
import { refusal } from "./problem.ts";
import type { EvaluationError } from "@marcbachmann/cel-js";

/**
 * The one way into data: own keys of plain objects, elements of lists. Everything else (prototypes,
 * properties of strings, methods) is absent, which is told by `undefined`.
 */
export function member(owner: unknown, key: unknown): unknown {
  if (typeof owner !== "object" || owner === null) return undefined;
  if (Array.isArray(owner)) return element(owner, key);
  if (owner instanceof Map) return owner.get(key);
  if (!isPlain(owner)) return undefined;
  return own(owner, key);
}

export function isPlain(value: object): value is { readonly [key: string]: unknown } {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The error for a key that is not there, told the same way by the interpreter and by the fast path. */
export function absent(
  owner: unknown,
  access: { key: unknown; text: string; offset: number },
): EvaluationError {
  const { text, offset } = access;
  const key = String(access.key);
  if (owner === null) return refusal("no_such_key", `No such key: ${key}, because ${text} is null`, offset);
  if (Array.isArray(owner)) {
    return refusal("no_such_key", `No such element: ${key} in ${text}, which has ${owner.length}`, offset);
  }
  if (typeof owner !== "object") {
    return refusal("no_such_key", `No such key: ${key}, because ${text} is a ${typeof owner}`, offset);
  }
  return refusal("no_such_key", `No such key: ${key} in ${text}${didYouMean(key, keysOf(owner))}`, offset);
}

function element(list: readonly unknown[], key: unknown): unknown {
  const index = typeof key === "bigint" ? Number(key) : key;
  return typeof index === "number" && Number.isInteger(index) && index >= 0 ? list[index] : undefined;
}

function own(owner: { readonly [key: string]: unknown }, key: unknown): unknown {
  switch (typeof key) {
    case "string":
      return Object.hasOwn(owner, key) ? owner[key] : undefined;
    case "number":
    case "bigint":
    case "boolean":
      return Object.hasOwn(owner, String(key)) ? owner[String(key)] : undefined;
    default:
      return undefined;
  }
}

function keysOf(owner: object): string[] {
  return owner instanceof Map ? [] : Object.keys(owner);
}
