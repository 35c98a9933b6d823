import type { JsonObject } from "@agentflow/protocol";
import {
  assert,
  constant,
  constantFrom,
  dictionary,
  integer,
  letrec,
  oneof,
  property,
  string,
} from "fast-check";
import { describe, expect, test } from "vitest";
import { layOver, leavesOf } from "./overlay.ts";

type Row = readonly [
  what: string,
  document: JsonObject,
  overlay: JsonObject,
  value: JsonObject,
  given: readonly string[],
];

describe("layOver", () => {
  test.each<Row>([
    [
      "keys are merged at every depth",
      { a: { b: 1, c: 2 } },
      { a: { c: 3 } },
      { a: { b: 1, c: 3 } },
      ["/a/c"],
    ],
    ["null takes a key away", { a: { b: 1, c: 2 }, d: 1 }, { a: { b: null }, d: null }, { a: { c: 2 } }, []],
    ["null of what is not there does nothing", { a: 1 }, { b: null, c: { d: null } }, { a: 1, c: {} }, []],
    ["a list takes the place of a list", { a: [1, 2] }, { a: [3] }, { a: [3] }, ["/a"]],
    ["an object takes the place of a value", { a: 1 }, { a: { b: 2 } }, { a: { b: 2 } }, ["/a/b"]],
    ["a value takes the place of an object", { a: { b: 2 } }, { a: 1 }, { a: 1 }, ["/a"]],
    ["an empty object adds nothing", { a: { b: 2 } }, { a: {} }, { a: { b: 2 } }, ["/a"]],
    ["keys are escaped", { "a/b": 1 }, { "a/b": 2, "~": 3 }, { "a/b": 2, "~": 3 }, ["/a~1b", "/~0"]],
    [
      "the order is the document's, then the overlay's",
      { b: 1, a: 1 },
      { c: 1, a: 2 },
      { b: 1, a: 2, c: 1 },
      ["/c", "/a"],
    ],
  ])("%s", (_, document, overlay, value, given) => {
    const before = JSON.stringify([document, overlay]);
    const laid = layOver(document, overlay);
    expect(JSON.stringify(laid.value)).toBe(JSON.stringify(value));
    expect([...laid.given]).toEqual(given);
    expect(JSON.stringify([document, overlay])).toBe(before);
  });

  test("a key named like something of every object is a key", () => {
    const laid = layOver(JSON.parse('{"a":1}'), JSON.parse('{"__proto__":{"b":2},"constructor":3}'));
    expect(Object.keys(laid.value)).toEqual(["a", "__proto__", "constructor"]);
    expect(Reflect.get({}, "b")).toBeUndefined();
  });

  test("laid over twice is laid over once, and every leaf it gave is its own", () => {
    const json = letrec<{ value: unknown }>((tie) => ({
      value: oneof(
        { depthSize: "small" },
        integer(),
        string(),
        constant(null),
        dictionary(string({ minLength: 1, maxLength: 2 }), tie("value"), {
          maxKeys: 4,
          noNullPrototype: true,
        }),
      ),
    })).value;
    const object = dictionary(constantFrom("a", "b", "c"), json, { noNullPrototype: true });
    assert(
      property(object, object, (document, overlay) => {
        const [under, over]: [JsonObject, JsonObject] = JSON.parse(JSON.stringify([document, overlay]));
        const once = layOver(under, over);
        expect(layOver(once.value, over).value).toEqual(once.value);
        const own = new Map(leavesOf(over));
        for (const [pointer, value] of leavesOf(once.value)) {
          if (once.given.has(pointer)) expect(value).toEqual(own.get(pointer));
        }
      }),
    );
  });
});
