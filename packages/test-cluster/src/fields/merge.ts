/** Puts an applied configuration over a live object, and takes places out of one. */
import { copyOf, isDraft, isList, isObject, type Draft, type DraftValue } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";
import { anything, below, isLeaf, type List, type Shape } from "../schema/shape.ts";
import { elementOf, type Path } from "./path.ts";
import type { FieldSet } from "./set.ts";

export function merged(live: JsonObject, applied: JsonObject, shape: Shape): Draft {
  const made = merge(live, applied, shape);
  return isDraft(made) ? made : {};
}

function merge(live: Json | undefined, applied: Json | undefined, shape: Shape): DraftValue {
  if (applied === undefined) return copyOf(live ?? null);
  if (live === undefined || live === null || (shape.type !== "any" && isLeaf(shape))) return copyOf(applied);
  if (isObject(live) && isObject(applied)) {
    const made: Draft = {};
    for (const key of new Set([...Object.keys(live), ...Object.keys(applied)])) {
      made[key] = merge(live[key], applied[key], below(shape, key) ?? anything);
    }
    return made;
  }
  if (shape.type === "list" && isList(live) && isList(applied)) return mergeLists(live, applied, shape);
  return copyOf(applied);
}

/** The order of what is applied; what only the live list has stays where it was between them. */
function mergeLists(live: readonly Json[], applied: readonly Json[], shape: List): DraftValue[] {
  const known = new Map(live.map((item) => [elementOf(shape, item), item]));
  const wanted = new Map(applied.map((item) => [elementOf(shape, item), item]));
  const done = new Set<string | undefined>();
  const made: DraftValue[] = [];
  let next = 0;
  const take = (element: string | undefined): void => {
    if (done.has(element)) return;
    done.add(element);
    made.push(merge(known.get(element), wanted.get(element), shape.items));
  };
  for (const item of applied) {
    for (; next < live.length; next++) {
      const element = elementOf(shape, live[next] ?? null);
      if (wanted.has(element)) break;
      take(element);
    }
    const element = elementOf(shape, item);
    take(element);
    while (next < live.length && done.has(elementOf(shape, live[next] ?? null))) next++;
  }
  for (const item of live) take(elementOf(shape, item));
  return made;
}

/** The object without these places, and without what is left empty by that. */
export function without(value: JsonObject, places: FieldSet, shape: Shape): Draft {
  const made = remove(value, places, shape, []);
  return isDraft(made) ? made : {};
}

function remove(value: Json, places: FieldSet, shape: Shape, path: Path): DraftValue | undefined {
  if (shape.type !== "any" && isLeaf(shape)) return copyOf(value);
  if (isObject(value)) {
    const made: Draft = {};
    for (const [key, child] of Object.entries(value)) {
      const here = [...path, `f:${key}`];
      const left = places.has(here) ? undefined : remove(child, places, below(shape, key) ?? anything, here);
      if (left !== undefined) made[key] = left;
    }
    return Object.keys(made).length === 0 && Object.keys(value).length > 0 ? undefined : made;
  }
  if (!isList(value) || shape.type !== "list") return copyOf(value);
  const kept: DraftValue[] = [];
  for (const item of value) {
    const here = [...path, elementOf(shape, item) ?? ""];
    const left = places.has(here) ? undefined : remove(item, places, shape.items, here);
    if (left !== undefined) kept.push(left);
  }
  return kept.length === 0 && value.length > 0 ? undefined : kept;
}
