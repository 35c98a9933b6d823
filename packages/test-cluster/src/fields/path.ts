/** Places in an object, as FieldsV1 names them: `f:spec`, `k:{"name":"main"}`, `v:"x"`. */
import type { Json } from "../object.ts";
import { at, isObject } from "../draft.ts";
import { parseJson } from "../parse.ts";
import type { List } from "../schema/shape.ts";

export type Path = readonly string[];

/** The element for one item of a list that is no single leaf; undefined when the item has no key. */
export function elementOf(list: List, item: Json): string | undefined {
  if (list.kind === "set") return `v:${JSON.stringify(item)}`;
  if (!isObject(item)) return undefined;
  const keys: Record<string, Json> = {};
  for (const key of list.keys) {
    const value = item[key] ?? fallbackOf(list, key);
    if (value !== undefined) keys[key] = value;
  }
  return Object.keys(keys).length === 0 ? undefined : `k:${JSON.stringify(keys)}`;
}

function fallbackOf(list: List, key: string): Json | undefined {
  return list.items.type === "struct" ? list.items.field(key)?.fallback : undefined;
}

/** As in messages: `.spec.containers[name="main"].image`. */
export function shown(path: Path): string {
  return path.map(shownElement).join("");
}

export function shownElement(element: string): string {
  if (element.startsWith("f:")) return `.${element.slice(2)}`;
  if (element.startsWith("v:")) return `[=${element.slice(2)}]`;
  const read = parseJson(element.slice(2));
  const keys = isObject(read) ? read : {};
  const pairs = Object.keys(keys).map((key) => `${key}=${JSON.stringify(at(keys, key))}`);
  return `[${pairs.join(",")}]`;
}

const ranks = ["f", "k", "v", "i"];

/** Fields before keys before values; each by its text. */
export function compareElements(one: string, other: string): number {
  const rank = ranks.indexOf(one.charAt(0)) - ranks.indexOf(other.charAt(0));
  if (rank !== 0) return rank;
  return one < other ? -1 : one > other ? 1 : 0;
}
