/** Which places an object has, and which differ between two of them. */
import { equal, isList, isObject } from "../draft.ts";
import type { Json, JsonObject } from "../object.ts";
import { anything, below, isLeaf, type List, type Shape } from "../schema/shape.ts";
import { elementOf, type Path } from "./path.ts";
import { FieldSet } from "./set.ts";

/** What a manager that applies this owns: its leaves, and the items of its lists. */
export function fieldsOf(value: JsonObject, shape: Shape): FieldSet {
  const found: Path[] = [];
  collect(value, shape, [], found);
  return FieldSet.of(found);
}

function collect(value: Json, shape: Shape, path: Path, found: Path[]): void {
  const inside = childrenOf(value, shape);
  if (inside === undefined || inside.size === 0) {
    if (path.length > 0) found.push(path);
    return;
  }
  for (const [element, child] of inside) {
    const here = [...path, element];
    if (!element.startsWith("f:")) found.push(here);
    if (child.alone) collect(child.value, child.shape, here, found);
  }
}

interface Child {
  readonly value: Json;
  readonly shape: Shape;
  /** No other item of the list has this element. */
  readonly alone: boolean;
}

/** What stands inside by its element; undefined for a leaf. */
function childrenOf(value: Json, shape: Shape): ReadonlyMap<string, Child> | undefined {
  if (isObject(value)) {
    if (shape.type !== "any" && isLeaf(shape)) return undefined;
    const entries = Object.entries(value).filter(([, child]) => child !== undefined);
    return new Map(
      entries.map(([key, child]) => [
        `f:${key}`,
        { value: child, shape: below(shape, key) ?? anything, alone: true },
      ]),
    );
  }
  if (!isList(value) || shape.type !== "list" || shape.kind === "atomic") return undefined;
  return itemsOf(value, shape);
}

function itemsOf(items: readonly Json[], shape: List): ReadonlyMap<string, Child> {
  const made = new Map<string, Child>();
  for (const item of items) {
    const element = elementOf(shape, item);
    if (element === undefined) continue;
    const alone = !made.has(element) && shape.kind === "map";
    made.set(element, { value: item, shape: shape.items, alone });
  }
  return made;
}

export interface Difference {
  readonly added: FieldSet;
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

interface Found {
  readonly added: Path[];
  readonly changed: Path[];
  readonly removed: Path[];
}

export function differenceOf(before: JsonObject, after: JsonObject, shape: Shape): Difference {
  const found: Found = { added: [], changed: [], removed: [] };
  compare(before, after, shape, { path: [], found });
  return {
    added: FieldSet.of(found.added),
    changed: FieldSet.of(found.changed),
    removed: FieldSet.of(found.removed),
  };
}

interface Place {
  readonly path: Path;
  readonly found: Found;
}

function compare(before: Json | undefined, after: Json | undefined, shape: Shape, place: Place): void {
  const { path, found } = place;
  const left = before === undefined ? undefined : childrenOf(before, shape);
  const right = after === undefined ? undefined : childrenOf(after, shape);
  const leaf = (left === undefined || left.size === 0) && (right === undefined || right.size === 0);
  if (leaf) {
    if (before === undefined) found.added.push(path);
    else if (after === undefined) found.removed.push(path);
    else if (!equal(before, after)) found.changed.push(path);
    return;
  }
  for (const element of new Set([...(left?.keys() ?? []), ...(right?.keys() ?? [])])) {
    const was = left?.get(element);
    const is = right?.get(element);
    const here = { path: [...path, element], found };
    const inner = is?.shape ?? was?.shape ?? anything;
    if (isWhole(was) && isWhole(is)) compare(was?.value, is?.value, inner, here);
    else compare(was?.value, is?.value, { ...anything, type: "string" }, here);
  }
  if (path.length === 0) return;
  if (before === undefined) found.added.push(path);
  else if (after === undefined) found.removed.push(path);
}

/** Items that stand twice in a list are one leaf together. */
function isWhole(child: Child | undefined): boolean {
  return child === undefined || child.alone;
}
