/** Whether two requests ask the same, and where they do not. */
import type { Json } from "@agentflow/protocol";
import { isObject, listOf } from "../json.ts";
import { parseJson } from "../parse-json.ts";
import { type MaskedBody } from "./mask.ts";

/** Who asks and how it is kept, not what is asked. */
const volatile = new Set([
  "user",
  "metadata",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
  "service_tier",
  "store",
]);

/** One text for all bodies that ask the same: keys sorted, volatile ones left out. */
export function canonicalBody(body: MaskedBody): string {
  if (typeof body !== "string") return body.base64;
  const value = parseJson(body);
  return value === undefined ? body : canonical(isObject(value) ? lasting(value) : value);
}

const differencesMax = 5;
const shownChars = 80;

/** Where two bodies differ, the first few places: `messages.0.content: recorded "a", asked "b"`. */
export function differences(recorded: MaskedBody, asked: MaskedBody): readonly string[] {
  const found: string[] = [];
  compare(valueOf(recorded), valueOf(asked), { path: "body", found });
  return found.slice(0, differencesMax);
}

/** How far apart two bodies are: places that differ. */
export function distance(recorded: MaskedBody, asked: MaskedBody): number {
  const found: string[] = [];
  compare(valueOf(recorded), valueOf(asked), { path: "", found });
  return found.length;
}

function valueOf(body: MaskedBody): Json {
  if (typeof body !== "string") return body.base64;
  const value = parseJson(body) ?? body;
  return isObject(value) ? lasting(value) : value;
}

function lasting(value: { readonly [key: string]: Json }): Json {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !volatile.has(key)));
}

function canonical(value: Json): string {
  if (isObject(value)) {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`).join(",")}}`;
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `[${listOf(value)
    .map((item) => canonical(item))
    .join(",")}]`;
}

interface At {
  readonly path: string;
  readonly found: string[];
}

function compare(recorded: Json | undefined, asked: Json | undefined, { path, found }: At): void {
  if (isObject(recorded) && isObject(asked)) {
    for (const key of new Set([...Object.keys(recorded), ...Object.keys(asked)])) {
      compare(recorded[key], asked[key], { path: path === "body" ? key : `${path}.${key}`, found });
    }
    return;
  }
  if (Array.isArray(recorded) && Array.isArray(asked)) {
    const [before, after] = [listOf(recorded), listOf(asked)];
    for (let i = 0; i < Math.max(before.length, after.length); i++) {
      compare(before[i], after[i], { path: `${path}.${i}`, found });
    }
    return;
  }
  if (JSON.stringify(recorded) === JSON.stringify(asked)) return;
  found.push(`${path}: recorded ${shown(recorded)}, asked ${shown(asked)}`);
}

function shown(value: Json | undefined): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > shownChars ? `${text.slice(0, shownChars - 1)}…` : text;
}
