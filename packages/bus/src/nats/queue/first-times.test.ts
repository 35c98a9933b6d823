import { expect, test } from "vitest";
import { FirstTimes } from "./first-times.ts";

test("what is said to come for the first time behind what is newer came before", () => {
  const times = new FirstTimes();
  const count = (sequence: number, atMs: number, delivered = 1): number =>
    times.count({ sequence, atMs, delivered });
  expect([count(5, 100), count(6, 100), count(9, 130)]).toEqual([1, 1, 1]);
  // A new leader that knows only of what was handed out up to 5.
  expect([count(6, 100), count(9, 130), count(10, 140)]).toEqual([2, 2, 1]);
});

test("what the server itself counts is believed, and moves nothing", () => {
  const times = new FirstTimes();
  expect(times.count({ sequence: 9, atMs: 130, delivered: 3 })).toBe(3);
  expect(times.count({ sequence: 5, atMs: 100, delivered: 1 })).toBe(1);
});

test("a queue that began anew counts from the beginning, and its tasks are new", () => {
  const times = new FirstTimes();
  expect(times.count({ sequence: 900, atMs: 100, delivered: 1 })).toBe(1);
  expect(times.count({ sequence: 1, atMs: 200, delivered: 1 })).toBe(1);
  expect(times.count({ sequence: 2, atMs: 200, delivered: 1 })).toBe(1);
  expect(times.count({ sequence: 1, atMs: 200, delivered: 1 })).toBe(2);
});
