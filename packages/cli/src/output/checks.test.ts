import { expect, test } from "vitest";
import { printChecks } from "./checks.ts";
import { createOutput } from "./output.ts";

test("a long fact is broken between words on a screen, and whole elsewhere", () => {
  const fact = "node:24-slim ran and ended in 3.3s, as user 1000 with a root that it cannot write";
  const printed = (isTTY: boolean): string[] => {
    let out = "";
    const sink = { isTTY, columns: 60, write: (text: string) => ((out += text), true) };
    const options = { json: false, noColor: true, debug: false, environment: {} };
    printChecks(createOutput({ ...options, stdout: sink, stderr: sink }), [
      { name: "container", state: "good", fact },
    ]);
    return out.trimEnd().split("\n");
  };
  expect(printed(false)).toEqual([`✓ container  ${fact}`]);
  const lines = printed(true);
  expect(lines.length).toBe(2);
  expect(lines.every((line) => line.length <= 60)).toBe(true);
  expect(lines.map((line) => line.slice(13)).join(" ")).toBe(fact);
});
