import { parseId, type Shard } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { allShards } from "../shard.ts";
import { planShards } from "./shard-plan.ts";

const shards = allShards.map((shard) => parseId("shard", shard));

function plan(nodes: readonly string[], holderOf: (shard: Shard) => string | undefined) {
  return planShards({ shards, nodes, holderOf });
}

function counts(planned: ReadonlyMap<Shard, string>): { readonly [node: string]: number } {
  const sums: { [node: string]: number } = {};
  for (const node of planned.values()) sums[node] = (sums[node] ?? 0) + 1;
  return sums;
}

function moved(planned: ReadonlyMap<Shard, string>, holderOf: (shard: Shard) => string | undefined): number {
  return shards.filter((shard) => holderOf(shard) !== undefined && planned.get(shard) !== holderOf(shard))
    .length;
}

const half = (shard: Shard): string => (Number(shard) < 32 ? "a" : "b");

test.each([
  { nodes: ["a"], wanted: { a: 64 } },
  { nodes: ["a", "b"], wanted: { a: 32, b: 32 } },
  { nodes: ["a", "b", "c"], wanted: { a: 22, b: 21, c: 21 } },
])("free shards are shared evenly by $nodes", ({ nodes, wanted }) => {
  expect(counts(plan(nodes, () => undefined))).toEqual(wanted);
});

test("whoever joins gets its share, and nothing else moves", () => {
  const planned = plan(["a", "b", "c"], half);
  expect(counts(planned)).toEqual({ a: 22, b: 21, c: 21 });
  expect(moved(planned, half)).toBe(21);
});

test("what a dead node held goes to the others, who keep what they have", () => {
  const planned = plan(["b", "c"], (shard) =>
    Number(shard) < 20 ? undefined : half(shard) === "a" ? "c" : "b",
  );
  expect(counts(planned)).toEqual({ b: 32, c: 32 });
});

test("a plan that was carried out asks for nothing more, in whatever order nodes are named", () => {
  const first = plan(["a", "b", "c"], half);
  const again = plan(["c", "a", "b"], (shard) => first.get(shard));
  expect(again).toEqual(first);
});

test("without a node nobody gets anything; with more nodes than shards some get none", () => {
  expect(plan([], half).size).toBe(0);
  const many = Array.from({ length: 70 }, (_, n) => `n${String(n).padStart(2, "0")}`);
  expect(Object.keys(counts(plan(many, () => undefined))).length).toBe(64);
});
