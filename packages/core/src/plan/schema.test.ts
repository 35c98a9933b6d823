import type { Json } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { checkSchema } from "./index.ts";

type Schema = { readonly [key: string]: Json };

const paths = (schema: Schema, value: Json) => checkSchema(schema, value).map(({ path }) => path);

describe("each keyword", () => {
  const rows: [Schema, Json[], Json[]][] = [
    [{ type: "string" }, ["", "x"], [1, null, [], {}]],
    [{ type: "integer" }, [1, -3, 1e3], [1.5, "1"]],
    [{ type: "number" }, [1, 1.5], ["1", true]],
    [{ type: ["string", "null"] }, ["x", null], [1]],
    [{ type: "array" }, [[], [1]], [{}]],
    [{ type: "object" }, [{}], [[], null]],
    [{ enum: ["a", 1, { x: [1] }] }, ["a", 1, { x: [1] }], ["b", { x: [2] }, {}]],
    [{ const: null }, [null], [0, ""]],
    [{ minLength: 2, maxLength: 3 }, ["ab", "🦊🦊🦊"], ["a", "abcd", "🦊"]],
    [{ minimum: 0, maximum: 9 }, [0, 9], [-1, 9.5]],
    [{ exclusiveMinimum: 0, exclusiveMaximum: 9 }, [0.1, 8], [0, 9]],
    [{ multipleOf: 0.1 }, [0.3, 7], [0.35]],
    [{ items: { type: "string" } }, [[], ["x"]], [[1], ["x", 1]]],
    [{ prefixItems: [{ type: "string" }], items: { type: "number" } }, [["x", 1]], [[1], ["x", "y"]]],
    [{ minItems: 1, maxItems: 2 }, [[1], [1, 2]], [[], [1, 2, 3]]],
    [{ uniqueItems: true }, [[1, 2]], [[1, 1]]],
    [{ required: ["a"] }, [{ a: null }], [{}, { b: 1 }]],
    [{ properties: { a: { type: "string" } } }, [{ a: "x" }, { b: 1 }, {}], [{ a: 1 }]],
    [{ properties: { a: {} }, additionalProperties: false }, [{ a: 1 }], [{ b: 1 }]],
    [{ additionalProperties: { type: "number" } }, [{ a: 1 }], [{ a: "x" }]],
    [{ propertyNames: { maxLength: 1 } }, [{ a: 1 }], [{ ab: 1 }]],
    [{ anyOf: [{ type: "string" }, { type: "null" }] }, ["x", null], [1]],
    [{ oneOf: [{ minimum: 5 }, { maximum: 3 }] }, [6, 2], [4]],
    [{ oneOf: [{ minimum: 1 }, { maximum: 3 }] }, [0, 9], [2]],
    [{ allOf: [{ minimum: 1 }, { maximum: 3 }] }, [2], [0, 4]],
    [{ not: { type: "null" } }, [1], [null]],
    [{ $ref: "#/$defs/id", $defs: { id: { type: "string" } } }, ["x"], [1]],
    [{}, [1, null, {}, []], []],
  ];

  test.each(rows)("%j", (schema, good, bad) => {
    for (const value of good) expect(paths(schema, value), JSON.stringify(value)).toEqual([]);
    for (const value of bad) expect(paths(schema, value), JSON.stringify(value)).not.toEqual([]);
  });
});

test("a pattern and a format are not evaluated", () => {
  expect(paths({ type: "string", pattern: "^(a+)+$", format: "email" }, `${"a".repeat(50)}!`)).toEqual([]);
});

test("every problem is told with the pointer to its value", () => {
  const schema = {
    type: "object",
    properties: { "a/b": { items: { type: "string" } }, c: { type: "null" } },
    required: ["d"],
  };
  expect(paths(schema, { "a/b": ["x", 2, 3], c: 1 })).toEqual(["", "/a~1b/1", "/a~1b/2", "/c"]);
});

test("of several choices the one that came nearest is explained", () => {
  const cat = {
    type: "object",
    properties: { kind: { const: "cat" }, lives: { type: "number" } },
    required: ["kind"],
  };
  const dog = { type: "object", properties: { kind: { const: "dog" } }, required: ["kind"] };
  expect(paths({ anyOf: [cat, dog] }, { kind: "cat", lives: "nine" })).toContain("/lives");
});

test("a key of the prototype is not there", () => {
  expect(paths({ required: ["constructor"] }, {})).toEqual([""]);
  expect(paths({ properties: { a: {} }, additionalProperties: false }, { toString: 1 })).toEqual([
    "/toString",
  ]);
});

test("a schema that refers to itself ends, and so does a deep value", () => {
  expect(paths({ $ref: "#" }, 1)).not.toEqual([]);
  const tree = { type: "object", properties: { next: { $ref: "#" } } };
  expect(paths(tree, { next: { next: { next: {} } } })).toEqual([]);
  let deep: Json = {};
  for (let i = 0; i < 10_000; i++) deep = { next: deep };
  expect(paths(tree, deep).length).toBe(1);
});

test("no more than a hundred problems are told", () => {
  expect(
    paths(
      { items: { type: "string" } },
      Array.from({ length: 1_000 }, () => 1),
    ),
  ).toHaveLength(100);
});

test("what is skipped fits", () => {
  const schema = { type: "object", properties: { a: { type: "string" } } };
  expect(checkSchema(schema, { a: 1 }, { skip: (path) => path === "/a" })).toEqual([]);
});
