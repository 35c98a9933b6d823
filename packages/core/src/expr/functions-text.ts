import type { Environment } from "@marcbachmann/cel-js";
import type { Meter } from "./meter.ts";
import { refusal } from "./problem.ts";
import { base64 } from "./to-json.ts";

/**
 * Text functions that the library lacks, and those it has only for ints, so that JSON numbers can be
 * positions.
 */
export function registerText(env: Environment, meter: Meter): void {
  registerBase64(env);
  env.registerFunction("string.replace(string, string): string", (text: string, from: string, to: string) =>
    replace(text, { from, to, count: -1 }, meter),
  );
  for (const number of ["int", "double"]) {
    env.registerFunction(
      `string.replace(string, string, ${number}): string`,
      (text: string, from: string, to: string, count: number | bigint) =>
        replace(text, { from, to, count: Number(count) }, meter),
    );
    env.registerFunction(`string.charAt(${number}): string`, (text: string, at: number | bigint) =>
      text.slice(position(at, text), Number(at) + 1),
    );
  }
  registerPositions(env);
  // Not before the year 1 nor after 9999, as for ints.
  env.registerFunction("timestamp(double): google.protobuf.Timestamp", (seconds: number) => {
    const at = new Date(seconds * 1000);
    if (at.getTime() >= -62_135_596_800_000 && at.getTime() <= 253_402_300_799_999) return at;
    throw refusal("value", "timestamp() requires a valid unix timestamp in seconds");
  });
}

function registerPositions(env: Environment): void {
  env.registerFunction("string.substring(double): string", (text: string, from: number) =>
    text.slice(position(from, text)),
  );
  for (const [a, b] of [
    ["double", "double"],
    ["int", "double"],
    ["double", "int"],
  ]) {
    env.registerFunction(
      `string.substring(${a}, ${b}): string`,
      (text: string, from: number | bigint, to: number | bigint) => substring(text, from, to),
    );
  }
  env.registerFunction("string.indexOf(string, double): int", (text: string, part: string, from: number) =>
    BigInt(text.indexOf(part, position(from, text))),
  );
  env.registerFunction(
    "string.lastIndexOf(string, double): int",
    (text: string, part: string, from: number) => BigInt(text.lastIndexOf(part, position(from, text))),
  );
  env.registerFunction(
    "string.split(string, double): list<string>",
    (text: string, by: string, max: number) => split(text, by, max),
  );
}

function registerBase64(env: Environment): void {
  class Base64 {}
  env.registerType("Base64Namespace", Base64);
  env.registerConstant("base64", "Base64Namespace", new Base64());
  env.registerFunction("Base64Namespace.encode(string): string", (_self: unknown, text: string) =>
    base64(new TextEncoder().encode(text)),
  );
  env.registerFunction("Base64Namespace.encode(bytes): string", (_self: unknown, bytes: Uint8Array) =>
    base64(bytes),
  );
  env.registerFunction("Base64Namespace.decode(string): string", (_self: unknown, text: string) =>
    decode(text),
  );
}

function decode(text: string): string {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) =>
      c.charCodeAt(0),
    );
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw refusal("value", "base64.decode needs base64 of UTF-8 text");
  }
}

/** Refuses before it builds: the length of the outcome is known from the number of finds. */
function replace(text: string, what: { from: string; to: string; count: number }, meter: Meter): string {
  const parts = text.split(what.from);
  meter.list(parts.length);
  const finds = what.count < 0 ? parts.length - 1 : Math.min(what.count, parts.length - 1);
  meter.text(text.length + finds * (what.to.length - what.from.length));
  return (
    parts.slice(0, finds + 1).join(what.to) +
    parts
      .slice(finds + 1)
      .map((part) => what.from + part)
      .join("")
  );
}

function split(text: string, by: string, max: number): string[] {
  const parts = text.split(by);
  if (max < 0 || parts.length <= max) return parts;
  if (max === 0) return [];
  return [...parts.slice(0, max - 1), parts.slice(max - 1).join(by)];
}

function substring(text: string, from: number | bigint, to: number | bigint): string {
  const [start, end] = [position(from, text), position(to, text)];
  if (end < start) throw refusal("value", `position ${end} is before ${start}`);
  return text.slice(start, end);
}

function position(at: number | bigint, text: string): number {
  const index = Number(at);
  if (Number.isInteger(index) && index >= 0 && index <= text.length) return index;
  throw refusal("value", `position ${index} is outside a text of ${text.length} characters`);
}
