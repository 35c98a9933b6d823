import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { guidePages } from "./snippets.ts";

const root = resolve(import.meta.dirname, "../..");

describe.each(guidePages())("$file", ({ file, text }) => {
  test("shows the files as they are; else run `npm run docs`", () => {
    expect(readFileSync(join(root, file), "utf8")).toBe(text);
  });

  test("links to nothing that is not there", () => {
    const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link = ""]) => link);
    const local = links.filter((link) => !/^[a-z]+:/.test(link));
    expect(local.filter((link) => !existsSync(join(root, dirname(file), link)))).toEqual([]);
  });
});
