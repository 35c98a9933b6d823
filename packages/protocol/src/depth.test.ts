import { describe, expect, test } from "vitest";
import { inputDepthMax, inputText, isDeeperThan } from "./depth.ts";

function nested(levels: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = "x";
  for (let i = 0; i < levels; i++) value = wrap(value);
  return value;
}

describe("the depth of an input", () => {
  const shapes: [string, (inner: unknown) => unknown][] = [
    ["lists", (inner) => [inner]],
    ["objects", (inner) => ({ a: 1, b: inner })],
    ["objects that write themselves", (inner) => ({ toJSON: () => [inner] })],
  ];

  test.each(shapes)(
    "of %s is refused as the caller's fault above the limit, whatever it is",
    (_name, wrap) => {
      expect(inputText(nested(inputDepthMax, wrap))).toContain("x");
      const tooDeep = { code: "invalid_input", reason: "input_too_deep" };
      for (const levels of [4_000, 100_000])
        expect(() => inputText(nested(levels, wrap))).toThrow(expect.objectContaining(tooDeep));
    },
  );

  test("counts lists and objects, not what is in them", () => {
    const deeper = (value: unknown, levels: number) => isDeeperThan(JSON.stringify(value), levels);
    expect(deeper("[[[", 0)).toBe(false);
    expect(deeper([], 0)).toBe(true);
    expect(deeper([{ a: 1 }, [2], ["[{", '"[[', "\\\\", '\\"[[']], 2)).toBe(false);
    expect(deeper([{ a: [] }], 2)).toBe(true);
  });

  test("what JSON cannot say is the caller's fault too", () => {
    const round: { self?: unknown } = {};
    round.self = round;
    for (const value of [round, 1n, () => 1])
      expect(() => inputText(value)).toThrow(expect.objectContaining({ reason: "input_not_json" }));
  });
});
