import { expect, test } from "vitest";
import { LineCheck } from "./check.ts";

const written = new Map([
  ["r1#1", 3],
  ["r2#1", 1],
]);

test.each([
  ["nothing wrong", ["r1#1 1", "r2#1 1", "r1#1 2", "r1#1 3"], { missing: 0, repeated: 0, outOfOrder: 0 }],
  ["one missing at the end", ["r1#1 1", "r2#1 1", "r1#1 2"], { missing: 1, repeated: 0, outOfOrder: 0 }],
  ["one missing between", ["r1#1 1", "r2#1 1", "r1#1 3"], { missing: 1, repeated: 0, outOfOrder: 1 }],
  [
    "one twice",
    ["r1#1 1", "r1#1 1", "r2#1 1", "r1#1 2", "r1#1 3"],
    { missing: 0, repeated: 1, outOfOrder: 0 },
  ],
  [
    "two the other way round",
    ["r1#1 1", "r1#1 3", "r1#1 2", "r2#1 1"],
    { missing: 0, repeated: 1, outOfOrder: 1 },
  ],
])("%s", (_name, lines, wanted) => {
  const check = new LineCheck();
  for (const line of lines) check.take(`12:00:00.000 I tool line ${line}`);
  check.take("12:00:00.000 I worker ready");
  expect(check.faults(written)).toMatchObject(wanted);
});
