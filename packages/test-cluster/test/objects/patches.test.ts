import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../src/object.ts";
import { patched, type PatchType } from "../../src/patch/patch.ts";
import { Refusal } from "../../src/refusal.ts";
import { shapeOf } from "../../src/schema/shapes.ts";

const shape = shapeOf("apps", "v1", "Deployment");

function patch(type: PatchType, object: JsonObject, body: Json): JsonObject {
  return patched(object, { type, text: JSON.stringify(body) }, shape);
}

const container = (...env: readonly Json[]) => ({ name: "main", image: "a:1", env });
const deployment = (...containers: readonly Json[]): JsonObject => ({
  spec: { template: { spec: { containers } } },
});
const A = { name: "A", value: "1" };
const B = { name: "B", value: "2" };
const C = { name: "C", value: "3" };

describe("a strategic merge patch", () => {
  const cases: readonly (readonly [string, JsonObject, JsonObject, JsonObject])[] = [
    [
      "merges lists by the key of their schema",
      deployment(container(A, B)),
      deployment({ name: "main", env: [{ name: "B", value: "9" }] }),
      deployment(container(A, { name: "B", value: "9" })),
    ],
    [
      "puts what is new before the rest",
      deployment(container(A)),
      deployment({ name: "main", env: [B] }),
      deployment(container(B, A)),
    ],
    [
      "takes an item out",
      deployment(container(A, B)),
      deployment({ name: "main", env: [{ name: "A", $patch: "delete" }] }),
      deployment(container(B)),
    ],
    [
      "replaces a list",
      deployment(container(A, B)),
      deployment({ name: "main", env: [{ $patch: "replace" }, C] }),
      deployment(container(C)),
    ],
    [
      "orders a list",
      deployment(container(A, B, C)),
      deployment({ name: "main", "$setElementOrder/env": [{ name: "C" }, { name: "A" }, { name: "B" }] }),
      deployment(container(C, A, B)),
    ],
    [
      "keeps only the keys that are named",
      { spec: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } } },
      { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } },
      { spec: { strategy: { type: "Recreate" } } },
    ],
    [
      "removes what is null",
      { metadata: { labels: { a: "1", b: "2" } } },
      { metadata: { labels: { a: null } } },
      { metadata: { labels: { b: "2" } } },
    ],
    [
      "replaces lists that have no key",
      deployment({ name: "main", args: ["a", "b"] }),
      deployment({ name: "main", args: ["c"] }),
      deployment({ name: "main", args: ["c"] }),
    ],
    [
      "adds to and drops from lists of plain values",
      { metadata: { finalizers: ["one", "two"] } },
      { metadata: { "$deleteFromPrimitiveList/finalizers": ["one"], finalizers: ["three"] } },
      { metadata: { finalizers: ["three", "two"] } },
    ],
  ];
  test.each(cases)("%s", (_, before, body, after) => {
    expect(patch("strategic", before, body)).toEqual(after);
  });

  test("an item without its key is refused", () => {
    const nameless = deployment({ image: "b:1" });
    expect(() => patch("strategic", deployment(container(A)), nameless)).toThrow(Refusal);
  });
});

describe("a JSON patch", () => {
  const before: JsonObject = { a: 1, list: ["x", "y"], "b/c": { "~": 1 } };
  const cases: readonly (readonly [string, readonly JsonObject[], JsonObject])[] = [
    ["adds", [{ op: "add", path: "/list/1", value: "z" }], { ...before, list: ["x", "z", "y"] }],
    ["adds at the end", [{ op: "add", path: "/list/-", value: "z" }], { ...before, list: ["x", "y", "z"] }],
    ["replaces", [{ op: "replace", path: "/a", value: 2 }], { ...before, a: 2 }],
    ["removes", [{ op: "remove", path: "/list/0" }], { ...before, list: ["y"] }],
    ["moves", [{ op: "move", from: "/a", path: "/z" }], { list: ["x", "y"], "b/c": { "~": 1 }, z: 1 }],
    ["copies", [{ op: "copy", from: "/list/0", path: "/z" }], { ...before, z: "x" }],
    ["reads escapes", [{ op: "replace", path: "/b~1c/~0", value: 3 }], { ...before, "b/c": { "~": 3 } }],
  ];
  test.each(cases)("%s", (_, operations, after) => {
    expect(patch("json", before, operations)).toEqual(after);
  });

  test.each([
    ["a test that fails", { op: "test", path: "/a", value: 2 }],
    ["a place that is not there", { op: "remove", path: "/none" }],
    ["a replacement of nothing", { op: "replace", path: "/none", value: 1 }],
    ["an index out of range", { op: "add", path: "/list/9", value: 1 }],
    ["an operation that does not exist", { op: "turn", path: "/a" }],
    ["a path that is none", { op: "add", path: "a", value: 1 }],
  ])("%s is refused, and nothing is done", (_, operation) => {
    const operations = [{ op: "add", path: "/new", value: 1 }, operation];
    expect(() => patch("json", before, operations)).toThrow(Refusal);
    expect(before).not.toHaveProperty("new");
  });
});

test("a merge patch merges objects, replaces lists, removes what is null", () => {
  const before = { a: { b: 1, c: [1, 2] }, d: "x" };
  expect(patch("merge", before, { a: { b: null, c: [3], e: { f: null } }, d: { g: 1 } })).toEqual({
    a: { c: [3], e: {} },
    d: { g: 1 },
  });
});
