import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseOut } from "./write-out.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "af-out-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a file that somebody wrote is refused before anything is built; one of ours is written anew", () => {
  const file = path.join(folder, "docker-compose.yml");
  expect(parseOut("compose=docker-compose.yml", folder)).toEqual({ file });
  writeFileSync(file, "services: {}\n");
  expect(() => parseOut("compose=docker-compose.yml", folder)).toThrow(/not written by af/);
  expect(readFileSync(file, "utf8")).toBe("services: {}\n");
  writeFileSync(
    file,
    "# p, target docker: written by af 0.1.0. Not to be edited: af up --out writes it anew.\n",
  );
  expect(parseOut("compose=docker-compose.yml", folder)).toEqual({ file });
  expect(parseOut("compose=-", folder)).toEqual({ file: "-" });
});
