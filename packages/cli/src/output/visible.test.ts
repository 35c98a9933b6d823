import { assert, integer, property, string } from "fast-check";
import { expect, test } from "vitest";
import { cut, pad, red, render, widthOf } from "./text.ts";
import { visible, visibleJson } from "./visible.ts";

const dangerous = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

test("what could steer a terminal is shown as an escape", () => {
  const shown: readonly (readonly [string, string])[] = [
    ["\u001b[31mred", String.raw`\x1b[31mred`],
    ["\u001b]8;;http://x\u0007link", String.raw`\x1b]8;;http://x\x07link`],
    ["\u009b2J", String.raw`\x9b2J`],
    ["a\rb\nc\td", String.raw`a\rb\nc\td`],
    ["\u202egnp.exe", String.raw`\u202egnp.exe`],
    ["\u{e0041}", String.raw`\u{e0041}`],
    ["\ud800", String.raw`\ud800`],
    ["grüße 日本 👍", "grüße 日本 👍"],
  ];
  for (const [text, expected] of shown) expect(visible(text)).toBe(expected);
});

test("no text at all leaves a dangerous character", () => {
  assert(property(string({ unit: "binary", maxLength: 50 }), (text) => !dangerous.test(visible(text))));
});

test("JSON stays the same JSON", () => {
  assert(
    property(string({ unit: "binary", maxLength: 50 }), (text) => {
      const json = visibleJson({ text });
      expect(JSON.parse(json)).toEqual({ text });
      expect(json).not.toMatch(dangerous);
    }),
  );
});

test("styles go around text that was made harmless", () => {
  expect(render(red("\u001b[2J"), true)).toBe("\u001b[31m\\x1b[2J\u001b[39m");
  expect(render(red("x"), false)).toBe("x");
});

test("cut and pad count columns as a terminal does", () => {
  expect(render(cut("abcdef", 4), false)).toBe("abc…");
  expect(widthOf(cut("日本語日本語", 7))).toBeLessThanOrEqual(7);
  expect(render(pad("日本", 6), false)).toBe("日本  ");
  assert(
    property(string({ unit: "binary" }), integer({ min: 1, max: 30 }), (text, columns) => {
      expect(widthOf(cut(["x", red(text)], columns))).toBeLessThanOrEqual(columns);
    }),
  );
});
