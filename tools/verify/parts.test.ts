import { expect, test } from "vitest";
import { type Part, runParts, summary } from "./parts.ts";

const parts: readonly Part[] = [
  { name: "types", command: ["tsc"] },
  { name: "tests", command: ["vitest", "run"] },
];

test("a part that fails does not hide what the next one has to say", () => {
  const said: string[] = [];
  let nowMs = 0;
  const results = runParts(parts, {
    run: ([file]) => (file === "tsc" ? 2 : 0),
    say: (line) => said.push(line.trim()),
    nowMs: () => (nowMs += 100),
  });
  expect(said).toEqual(["== types", "== tests"]);
  expect(results.map(({ ok }) => ok)).toEqual([false, true]);
});

test("the summary names each part, its outcome and its time", () => {
  const results = [
    { name: "types", ok: true, tookMs: 1240 },
    { name: "tests", ok: false, tookMs: 61_000 },
  ];
  expect(summary(results)).toBe("ok     types (1.2 s)\nFAILED tests (61.0 s)");
});
