import { expect, test } from "vitest";
import type { OutputLine } from "../../docker/log-lines.ts";
import { compareTimes, LineCursor } from "./line-cursor.ts";
import { quantity } from "./quantity.ts";
import { TextLines } from "./text-lines.ts";

const at = (fraction: string): string => `2026-11-27T05:00:01${fraction}Z`;

function linesOf(chunks: readonly string[], isWhole = true): OutputLine[] {
  const out: OutputLine[] = [];
  const lines = new TextLines((line) => out.push(line));
  for (const chunk of chunks) lines.push(Buffer.from(chunk));
  lines.end(isWhole);
  return out;
}

test("lines are whole however they arrive, and have the node's time", () => {
  const whole = `${at(".5")} one\n${at(".6")} two\r\n`;
  const each = linesOf(whole.split(/(?=.)/su)).map(({ time, text }) => [time, text]);
  expect(each).toEqual([
    [at(".5"), "one"],
    [at(".6"), "two"],
  ]);
  expect(linesOf([whole]).map(({ text }) => text)).toEqual(["one", "two"]);
});

test("half a line at the end is told when the container ended, not when the connection broke", () => {
  const half = [`${at("")} half`];
  expect(linesOf(half).map(({ text }) => text)).toEqual(["half"]);
  expect(linesOf(half, false)).toEqual([]);
});

test("a line of more than 64 KiB is cut and says so; memory is bounded by that", () => {
  const [line, next] = linesOf([`${at("")} `, "x".repeat(100_000), `\n${at(".1")} next\n`]);
  expect([line?.cut, (line?.text.length ?? 0) < 65_536]).toEqual([true, true]);
  expect([next?.cut, next?.text]).toEqual([false, "next"]);
});

test("times of different lengths have one order", () => {
  expect(compareTimes(at(".5"), at(".500000000"))).toBe(0);
  expect(compareTimes(at(".500000001"), at(".5"))).toBeGreaterThan(0);
  expect(compareTimes(at(""), at(".1"))).toBeLessThan(0);
  expect(compareTimes("2026-11-27T06:00:01+01:00", at(""))).toBe(0);
});

test("what was told is left out; of lines of the very same time as many as were told", () => {
  const first = new LineCursor(undefined);
  for (const time of [at(".1"), at(".2"), at(".2")]) expect(first.take(time)).toBe(true);
  const again = new LineCursor(first.told);
  const taken = [at(".1"), at(".2"), at(".2"), at(".2"), at(".3")].map((time) => again.take(time));
  expect(taken).toEqual([false, false, false, true, true]);
});

test("behind the first new line everything is new, also when the node's clock is set back", () => {
  const cursor = new LineCursor({ time: at(".5"), count: 1 });
  expect([at(".5"), at(".6"), at(".2"), at(".5")].map((time) => cursor.take(time))).toEqual([
    false,
    true,
    true,
    true,
  ]);
});

test.each([
  ["250m", 0.25],
  ["101028405n", 0.101028405],
  ["276Ki", 282_624],
  ["1Gi", 1_073_741_824],
  ["2", 2],
  ["1e3", 1_000],
  ["1.5G", 1.5e9],
])("%s is a quantity", (text, value) => expect(quantity(text)).toBeCloseTo(value, 9));

test.each(["", "x", "1Zi", "1 Gi"])("%j is none", (text) => expect(quantity(text)).toBeUndefined());
