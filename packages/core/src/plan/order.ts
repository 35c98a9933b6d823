/** The order in which steps come after one another, and what stands in its way. */
export interface Ordered {
  /** Every step that lies on no cycle and behind none, each after all it needs; ties in the order given. */
  readonly order: readonly string[];
  /** One cycle, its first step repeated at the end; absent when there is none. */
  readonly cycle?: readonly string[];
}

/** Needs that are no steps are left out. */
export function topologicalOrder(steps: ReadonlyMap<string, readonly string[]>): Ordered {
  const missing = new Map<string, number>();
  const dependents = new Map<string, string[]>();
  for (const [id, needs] of steps) {
    const known = [...new Set(needs)].filter((need) => steps.has(need));
    missing.set(id, known.length);
    for (const need of known) listAt(dependents, need).push(id);
  }
  const order = [...steps.keys()].filter((id) => missing.get(id) === 0);
  for (let i = 0; i < order.length; i++) {
    for (const id of dependents.get(order[i] ?? "") ?? []) {
      const left = (missing.get(id) ?? 0) - 1;
      missing.set(id, left);
      if (left === 0) order.push(id);
    }
  }
  if (order.length === steps.size) return { order };
  return { order, cycle: cycleAmong(steps, new Set(order)) };
}

/** A step that was not ordered has a need that was not ordered either: following them must come round. */
function cycleAmong(steps: ReadonlyMap<string, readonly string[]>, ordered: ReadonlySet<string>): string[] {
  const seen: string[] = [];
  let at = [...steps.keys()].find((id) => !ordered.has(id));
  while (at !== undefined && !seen.includes(at)) {
    seen.push(at);
    at = steps.get(at)?.find((need) => steps.has(need) && !ordered.has(need));
  }
  const round = seen.slice(seen.indexOf(at ?? "")).toReversed();
  const first = round.indexOf(round.toSorted()[0] ?? "");
  const turned = [...round.slice(first), ...round.slice(0, first)];
  return [...turned, turned[0] ?? ""];
}

function listAt(map: Map<string, string[]>, key: string): string[] {
  const known = map.get(key) ?? [];
  map.set(key, known);
  return known;
}
