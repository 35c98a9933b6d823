import type { Meter } from "./meter.ts";
import { isPlain } from "./member.ts";

/**
 * CEL's equality over JSON: numbers by value whatever their kind, lists and objects by content, things of
 * different kinds are never equal. Charges each element it looks at.
 */
export function equal(left: unknown, right: unknown, meter: Meter): boolean {
  meter.spend(1);
  if (typeof left === "string" && typeof right === "string") {
    meter.compare(left, right);
    return left === right;
  }
  if (left === right) return true;
  const number = numeric(left);
  if (number !== undefined) {
    const other = numeric(right);
    // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number are compared by value
    return other !== undefined && number == other; // oxlint-disable-line eqeqeq
  }
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left)) return Array.isArray(right) && equalLists(left, right, meter);
  if (left instanceof Uint8Array) return right instanceof Uint8Array && equalBytes(left, right, meter);
  if (left instanceof Date) return right instanceof Date && left.getTime() === right.getTime();
  if (isPlain(left)) return isPlain(right) && equalObjects(left, right, meter);
  // A duration's value is its milliseconds, with fractions.
  return left.constructor === right.constructor && left.valueOf() === right.valueOf();
}

/** The elements of a list, the keys of an object: what `in` asks for. */
export function contains(holder: unknown, value: unknown, meter: Meter): boolean | undefined {
  if (Array.isArray(holder)) return holder.some((item: unknown) => equal(value, item, meter));
  if (typeof holder !== "object" || holder === null || !isPlain(holder)) return undefined;
  return isKey(value) && Object.hasOwn(holder, String(value));
}

function isKey(value: unknown): value is string | number | bigint | boolean {
  return ["string", "number", "bigint", "boolean"].includes(typeof value);
}

function numeric(value: unknown): number | bigint | undefined {
  if (typeof value === "number" || typeof value === "bigint") return value;
  // CEL's unsigned integers wrap a bigint.
  if (typeof value !== "object" || value === null || value instanceof Date) return undefined;
  if (Array.isArray(value) || isPlain(value)) return undefined;
  const inner: unknown = value.valueOf();
  return typeof inner === "bigint" ? inner : undefined;
}

function equalLists(left: readonly unknown[], right: readonly unknown[], meter: Meter): boolean {
  return left.length === right.length && left.every((item, i) => equal(item, right[i], meter));
}

function equalBytes(left: Uint8Array, right: Uint8Array, meter: Meter): boolean {
  meter.size(left);
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}

type Plain = { readonly [key: string]: unknown };

function equalObjects(left: Plain, right: Plain, meter: Meter): boolean {
  const keys = Object.keys(left);
  meter.spend(keys.length);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && equal(left[key], right[key], meter));
}
