import { expect, test } from "vitest";
import { shareOf } from "./share.ts";

const group = "default dev";

/** What each owner reckons for itself from the others' numbers. */
function shares(
  demands: { readonly [node: string]: number },
  total: number,
): { readonly [node: string]: number } {
  const all = Object.entries(demands).map(([node, demand]) => ({ node, demand: { [group]: demand } }));
  return Object.fromEntries(
    Object.entries(demands).map(([node, own]) => {
      const others = all.filter((one) => one.node !== node);
      return [node, shareOf({ group, node, own, total, others })];
    }),
  );
}

test.each([
  { says: "one alone gets all", demands: { a: 5 }, total: 16, wanted: { a: 16 } },
  { says: "two that are busy get half each", demands: { a: 90, b: 70 }, total: 16, wanted: { a: 8, b: 8 } },
  { says: "who needs little leaves the rest", demands: { a: 2, b: 70 }, total: 16, wanted: { a: 2, b: 14 } },
  {
    says: "the odd one is given once",
    demands: { a: 9, b: 9, c: 9 },
    total: 16,
    wanted: { a: 6, b: 5, c: 5 },
  },
  {
    says: "nobody starves for lack of slots",
    demands: { a: 9, b: 9, c: 9 },
    total: 2,
    wanted: { a: 1, b: 1, c: 1 },
  },
  {
    says: "who has nothing to do counts for nothing",
    demands: { a: 9, b: 0 },
    total: 16,
    wanted: { a: 16, b: 16 },
  },
])("$says", ({ demands, total, wanted }) => {
  expect(shares(demands, total)).toEqual(wanted);
});
