/** JSON that is being worked on. Nobody else holds it: it is made by `draftOf` and given away once. */
import type { Json, JsonObject } from "./object.ts";

export type DraftValue = null | boolean | number | string | DraftValue[] | Draft;
export interface Draft {
  [key: string]: DraftValue;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isDraft(value: DraftValue | undefined): value is Draft {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

export function copyOf(value: Json): DraftValue {
  if (isList(value)) return value.map(copyOf);
  return isObject(value) ? draftOf(value) : value;
}

export function draftOf(value: JsonObject): Draft {
  const made: Draft = {};
  for (const [key, one] of Object.entries(value)) made[key] = copyOf(one);
  return made;
}

/** A copy without fields that are null, which say no more than fields that are not there. */
export function withoutNulls(value: JsonObject): Draft {
  const made: Draft = {};
  for (const [key, child] of Object.entries(value)) if (child !== null) made[key] = cleaned(child);
  return made;
}

function cleaned(value: Json): DraftValue {
  if (isList(value)) return value.map(cleaned);
  return isObject(value) ? withoutNulls(value) : value;
}

/** What stands at that place: undefined when anything on the way is no object. */
export function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let here = value;
  for (const key of path) here = isObject(here) ? here[key] : undefined;
  return here;
}

export function objectAt(value: Json | undefined, ...path: readonly string[]): JsonObject {
  const found = at(value, ...path);
  return isObject(found) ? found : {};
}

export function listAt(value: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const found = at(value, ...path);
  return isList(found) ? found : [];
}

export function textAt(value: Json | undefined, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

/** The object at that place of a draft, made when nothing stands there. */
export function within(draft: Draft, ...path: readonly string[]): Draft {
  let here = draft;
  for (const key of path) {
    const next = here[key];
    if (isDraft(next)) {
      here = next;
      continue;
    }
    const made: Draft = {};
    here[key] = made;
    here = made;
  }
  return here;
}

/** The objects in a list of a draft. */
export function draftsAt(draft: Draft | undefined, key: string): readonly Draft[] {
  const found = draft?.[key];
  return Array.isArray(found) ? found.filter(isDraft) : [];
}

export function draftAt(draft: Draft | undefined, key: string): Draft | undefined {
  const found = draft?.[key];
  return isDraft(found) ? found : undefined;
}

export function equal(one: Json | undefined, other: Json | undefined): boolean {
  if (one === other) return true;
  if (isList(one)) {
    return (
      isList(other) && one.length === other.length && one.every((item, index) => equal(item, other[index]))
    );
  }
  if (!isObject(one) || !isObject(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => key in other && equal(one[key], other[key]))
  );
}
