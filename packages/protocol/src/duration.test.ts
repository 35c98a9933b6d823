import * as fc from "fast-check";
import { expect, test } from "vitest";
import { durationMsMax, parseDuration, readDuration, showDuration } from "./duration.ts";

test.each([
  ["250ms", 250],
  ["0s", 0],
  ["30s", 30_000],
  ["5m", 300_000],
  ["24h", 86_400_000],
  ["7d", 604_800_000],
  ["366d", durationMsMax],
])("%s is %d ms", (text, ms) => {
  expect(readDuration(text)).toBe(ms);
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  "",
  "30",
  "s",
  "1.5s",
  "-1s",
  "+1s",
  "1e3s",
  "30 s",
  "30S",
  "1w",
  "1m30s",
  "30s\n",
  "１s",
  "367d",
  "9999999999s",
])("%j is not a duration", (text) => {
  expect(readDuration(text)).toBeUndefined();
  expect(() => parseDuration(text)).toThrow("is not a duration");
});

test.each([
  [0, "0ms"],
  [999, "999ms"],
  [999.7, "1.0s"],
  [1_240, "1.2s"],
  [9_960, "10s"],
  [59_600, "1m 0s"],
  [184_000, "3m 4s"],
  [239_700, "4m 0s"],
  [3_599_800, "1h 0m"],
  [7_500_000, "2h 5m"],
  [86_399_000, "1d 0h"],
  [273_600_000, "3d 4h"],
])("%d ms are shown as %s", (ms, text) => {
  expect(showDuration(ms)).toBe(text);
});

test("no part of a shown duration reaches its unit: never 60 seconds, 60 minutes or 24 hours", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: durationMsMax, noNaN: true }), (ms) => {
      expect(showDuration(ms)).not.toMatch(/\b(60s|60m|24h|1000ms)/);
    }),
  );
});
