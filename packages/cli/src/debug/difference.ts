/** What differs between two plain values: one row a place, in the order of the newer one. */
import type { Json } from "@agentflow/protocol";

export interface Change {
  /** Keys from the root with dots between them. */
  readonly path: string;
  /** Absent: it was not there before. */
  readonly before?: Json;
  /** Absent: it is gone. */
  readonly after?: Json;
}

const changesMax = 500;

export function difference(before: Json, after: Json): readonly Change[] {
  const found: Change[] = [];
  compare({ before, after, path: [] }, found);
  return found;
}

interface Pair {
  readonly before: Json | undefined;
  readonly after: Json | undefined;
  readonly path: readonly string[];
}

function compare({ before, after, path }: Pair, found: Change[]): void {
  if (found.length >= changesMax) return;
  const [old, now] = [partsOf(before), partsOf(after)];
  if (old !== undefined && now !== undefined) {
    for (const key of new Set([...now.keys(), ...old.keys()]))
      compare({ before: old.get(key), after: now.get(key), path: [...path, key] }, found);
    return;
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  found.push({
    path: path.join("."),
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  });
}

/** Lists and objects alike; a map, so that no key is taken for something else. */
function partsOf(value: Json | undefined): ReadonlyMap<string, Json> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) return new Map(value.map((item, i) => [String(i), item]));
  return new Map(Object.entries(value));
}
