import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { isNewEnough } from "./find-node.js";
import { install, isInstalled, isSameTree } from "./install.js";

const main = join(import.meta.dirname, "main.js");
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const lock = { packages: { "": {}, "node_modules/a": { version: "1.0.0", integrity: "sha512-a" } } };
const stampFile = "node_modules/.agentflow-lock-sha256";

function checkout(files: Readonly<Record<string, unknown>>): string {
  const root = mkdtempSync(join(tmpdir(), "agentflow-bootstrap-"));
  folders.push(root);
  mkdirSync(join(root, "node_modules"));
  for (const [path, json] of Object.entries(files)) writeFileSync(join(root, path), JSON.stringify(json));
  return root;
}

test("a fresh clone is not installed", () => {
  expect(isInstalled(checkout({ "package-lock.json": lock }))).toBe(false);
});

test("a tree that npm installed from this lockfile is left alone, and remembered by a stamp", () => {
  const root = checkout({ "package-lock.json": lock, "node_modules/.package-lock.json": lock });
  expect(isInstalled(root)).toBe(true);
  rmSync(join(root, "node_modules/.package-lock.json"));
  expect(isInstalled(root)).toBe(true);
});

test("a lockfile that moved on since the stamp asks for an install", () => {
  const root = checkout({ "package-lock.json": lock, "node_modules/.package-lock.json": lock });
  expect(isInstalled(root)).toBe(true);
  const newer = { packages: { "": {}, "node_modules/a": { version: "1.0.1", integrity: "sha512-b" } } };
  writeFileSync(join(root, "package-lock.json"), JSON.stringify(newer));
  expect(isInstalled(root)).toBe(false);
});

test.each([
  ["the same version from other bytes", { "node_modules/a": { version: "1", integrity: "sha512-b" } }, false],
  ["a package that is missing", {}, false],
  [
    "a package too many",
    { "node_modules/a": { version: "1", integrity: "sha512-a" }, "node_modules/b": {} },
    false,
  ],
  ["the same tree", { "node_modules/a": { version: "1", integrity: "sha512-a" } }, true],
])("beside the lockfile, %s is seen for what it is", (_, present, same) => {
  const wanted = {
    "": {},
    "node_modules/a": { version: "1", integrity: "sha512-a" },
    "node_modules/for-another-system": { version: "1", optional: true },
  };
  expect(isSameTree(wanted, present)).toBe(same);
});

test("an install asks npm for exactly the lockfile, tools included, and stamps what came", () => {
  const root = checkout({ "package-lock.json": lock });
  const bin = join(root, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "npm"), '#!/bin/sh\necho "$@" > asked\n');
  chmodSync(join(bin, "npm"), 0o755);
  const before = { path: process.env["PATH"], npm: process.env["npm_execpath"] };
  process.env["PATH"] = `${bin}:${before.path}`;
  delete process.env["npm_execpath"];
  const said: string[] = [];
  try {
    install(root, (line) => said.push(line));
  } finally {
    process.env["PATH"] = before.path;
    if (before.npm !== undefined) process.env["npm_execpath"] = before.npm;
  }
  expect(said[0]).toMatch(/^Installing dependencies/);
  expect(readFileSync(join(root, "asked"), "utf8")).toMatch(/^ci .*--include=dev --include=optional$/m);
  expect(readFileSync(join(root, stampFile), "utf8")).toMatch(/^[0-9a-f]{64}$/);
});

test.each([
  ["24.11.0", true],
  ["24.21.0", true],
  ["26.0.0", true],
  ["24.10.9", false],
  ["22.22.0", false],
  ["20.20.2", false],
  ["0", false],
])("Node %s is new enough: %s", (version, enough) => {
  expect(isNewEnough(version)).toBe(enough);
});

test("the exit code of what was run is the exit code of the command", () => {
  const root = checkout({});
  const script = join(root, "seven.js");
  writeFileSync(script, "process.exit(process.argv[2] === 'seven' ? 7 : 1);");
  const done = spawnSync(process.execPath, [main, "--no-build", script, "seven"], { timeout: 20_000 });
  expect(done.status).toBe(7);
});

test("a request to stop reaches what was run, which may end in its own way", async () => {
  const root = checkout({});
  const script = join(root, "wait.js");
  writeFileSync(
    script,
    "process.on('SIGTERM', () => process.exit(9)); setTimeout(() => {}, 20_000); console.log('ready');",
  );
  const bootstrap = spawn(process.execPath, [main, "--no-build", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(bootstrap.stdout, "data");
  bootstrap.kill("SIGTERM");
  expect(await once(bootstrap, "exit")).toEqual([9, null]);
});

test("an install that npm refuses ends the command with npm's own words", () => {
  const root = checkout({ "package-lock.json": lock });
  rmSync(join(root, "node_modules"), { recursive: true });
  // No package.json beside the lockfile: npm has nothing to install for.
  expect(() => install(root, () => {})).toThrow(/npm ci failed \(exit \d+\), so nothing was run/);
});

test("without a file to run, the command says how it is used", () => {
  const done = spawnSync(process.execPath, [main], { encoding: "utf8", timeout: 20_000 });
  expect(done).toMatchObject({ status: 1, stderr: expect.stringMatching(/^usage: /) });
});
