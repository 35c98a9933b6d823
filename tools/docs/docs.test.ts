import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { errorTable, eventKinds, exitCodes } from "@agentflow/protocol";
import { turnEventSchemas } from "@agentflow/protocol/schema";
import { describe, expect, test } from "vitest";
import { composeFile } from "./compose.ts";
import { table } from "./markdown.ts";
import { referencePages } from "./pages.ts";

const folder = resolve(import.meta.dirname, "../../docs/reference");
const pages = referencePages();

describe.each(pages)("docs/reference/$file", ({ file, text }) => {
  test("is what the code says; else run `npm run docs`", () => {
    expect(readFileSync(resolve(folder, file), "utf8")).toBe(text);
  });

  test("leaves no cell of its tables without a meaning, and prints no gap of the generator", () => {
    expect(text).not.toMatch(/\| +\|$/m);
    expect(text).not.toMatch(/undefined|\[object/);
  });
});

test("the compose file at the top is what the code says; else run `npm run docs`", async () => {
  const { file, text } = await composeFile();
  expect(readFileSync(resolve(folder, "../..", file), "utf8")).toBe(text);
});

test("every code, event and exit code has its row", () => {
  const text = (file: string): string => pages.find((page) => page.file === file)?.text ?? "";
  for (const code of Object.keys(errorTable)) expect(text("errors.md")).toContain(`| \`${code}\` |`);
  for (const kind of Object.keys(eventKinds)) expect(text("events.md")).toContain(`\n## ${kind}\n`);
  for (const { shape } of turnEventSchemas) {
    expect(text("journal.md")).toContain(`\n## ${shape.kind.value}\n`);
  }
  for (const exit of Object.values(exitCodes))
    expect(text("exit-codes.md")).toMatch(new RegExp(`^\\| ${exit} \\|`, "m"));
});

test("keys of keys are documented: retries of a step, each kind of target", () => {
  const text = pages.find((page) => page.file === "files.md")?.text ?? "";
  for (const title of [
    "steps.<name>",
    "steps.<name>.retry",
    "targets.<name> (kind: kubernetes)",
    "pools.<name>",
  ]) {
    expect(text).toContain(`### \`${title}\``);
  }
  expect(text).toContain("| `maxParallel` | whole number |");
});

test("a bar or a line feed in a cell does not break its table", () => {
  expect(table(["a"], [["x|y\nz"]])).toBe("| a |\n| --- |\n| x\\|y z |");
});
