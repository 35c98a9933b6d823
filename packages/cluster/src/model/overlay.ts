/** An overlay laid over a document, key by key, each value with where it stands. */
import type { Json, JsonObject } from "@agentflow/protocol";

export interface Laid {
  readonly value: JsonObject;
  /** JSON pointers of the leaves that the overlay gave, to where they stand in the overlay. */
  readonly given: ReadonlySet<string>;
}

/**
 * Objects are merged, all else takes the place of what was there, null takes a key away. A key that the
 * document lacks is new. Neither argument is changed.
 */
export function layOver(document: JsonObject, overlay: JsonObject): Laid {
  const given = new Set<string>();
  return { value: merged({ under: document, over: overlay, at: "" }, given), given };
}

interface Layers {
  readonly under: JsonObject;
  readonly over: JsonObject;
  readonly at: string;
}

function merged({ under, over, at }: Layers, given: Set<string>): JsonObject {
  const result = new Map<string, Json>(Object.entries(under));
  for (const [key, value] of Object.entries(over)) {
    const pointer = `${at}/${escaped(key)}`;
    if (value === null) {
      result.delete(key);
      continue;
    }
    const before = result.get(key);
    if (isObject(value)) {
      const inner = merged({ under: isObject(before) ? before : {}, over: value, at: pointer }, given);
      if (Object.keys(value).length === 0) given.add(pointer);
      result.set(key, inner);
      continue;
    }
    given.add(pointer);
    result.set(key, value);
  }
  // Of own properties alone: a key named __proto__ is a key.
  return Object.fromEntries(result);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The list that it is; an empty one for anything else. */
export function listOf(value: Json | undefined): readonly Json[] {
  const list: readonly Json[] = Array.isArray(value) ? value : [];
  return list;
}

/** A key as a part of a JSON pointer. */
export function escaped(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Every leaf with its pointer, in the order of the document; a list is one leaf. */
export function leavesOf(value: Json, at = ""): readonly (readonly [pointer: string, value: Json])[] {
  if (!isObject(value) || Object.keys(value).length === 0) return [[at, value]];
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, `${at}/${escaped(key)}`));
}
