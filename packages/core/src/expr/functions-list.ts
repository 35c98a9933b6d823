import { type Environment, Optional } from "@marcbachmann/cel-js";
import { equal } from "./equal.ts";
import { toNumber } from "./functions-math.ts";
import type { Meter } from "./meter.ts";
import { refusal } from "./problem.ts";

type List = readonly unknown[];

/** List functions that the library lacks. None changes the list it is called on. */
export function registerLists(env: Environment, meter: Meter): void {
  env.registerFunction("list.sum(): double", (list: List) =>
    list.reduce<number>((sum, item) => sum + toNumber(item, "sum"), 0),
  );
  env.registerFunction("list<A>.distinct(): list<A>", (list: List) => distinct(list, meter));
  env.registerFunction("list<A>.sort(): list<A>", (list: List) => sort(list, meter));
  env.registerFunction("list<A>.reverse(): list<A>", (list: List) => list.toReversed());
  env.registerFunction("list.flatten(): list", (list: List) => flatten(list, 1, meter));
  env.registerFunction("list<A>.first(): optional<A>", (list: List) => Optional.of(list[0]));
  env.registerFunction("list<A>.last(): optional<A>", (list: List) => Optional.of(list.at(-1)));
  for (const a of ["int", "double"]) {
    env.registerFunction(`list.flatten(${a}): list`, (list: List, depth: number | bigint) =>
      flatten(list, Math.min(Math.max(Number(depth), 0), 10), meter),
    );
    for (const b of ["int", "double"]) {
      env.registerFunction(
        `list<A>.slice(${a}, ${b}): list<A>`,
        (list: List, from: number | bigint, to: number | bigint) => slice(list, Number(from), Number(to)),
      );
    }
  }
}

/**
 * The first of each kind of equals stays, in order. Scalars by a set, the rest by comparing, which is
 * charged.
 */
function distinct(list: List, meter: Meter): unknown[] {
  const scalars = new Set<unknown>();
  const others: unknown[] = [];
  return list.filter((item) => {
    if (typeof item === "object" && item !== null) {
      if (others.some((other) => equal(item, other, meter))) return false;
      others.push(item);
      return true;
    }
    const key = typeof item === "bigint" && Number.isSafeInteger(Number(item)) ? Number(item) : item;
    if (scalars.has(key)) return false;
    scalars.add(key);
    return true;
  });
}

/** Numbers by value or texts by code unit; a mixture has no order and is refused. */
function sort(list: List, meter: Meter): unknown[] {
  meter.spend(list.length * 4);
  if (list.every((item) => typeof item === "string")) {
    // Comparing two long texts with a long common head costs their length.
    for (const item of list) meter.spend(item.length >> 3);
    return list.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }
  if (list.every((item) => typeof item === "number" || typeof item === "bigint")) {
    return list.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }
  throw refusal("type", "sort needs numbers or strings only");
}

function flatten(list: List, depth: number, meter: Meter): unknown[] {
  let flat = [...list];
  for (let level = 0; level < depth; level++) {
    const items = flat.reduce<number>((sum, item) => sum + (Array.isArray(item) ? item.length : 1), 0);
    meter.list(items);
    if (!flat.some(Array.isArray)) break;
    flat = flat.flat(1);
  }
  return flat;
}

function slice(list: List, from: number, to: number): unknown[] {
  const inside = [from, to].every((at) => Number.isInteger(at) && at >= 0 && at <= list.length);
  if (inside && from <= to) return list.slice(from, to);
  throw refusal("value", `slice(${from}, ${to}) is outside a list of ${list.length}`);
}
