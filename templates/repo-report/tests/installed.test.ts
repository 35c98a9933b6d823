import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { readInstalled } from "../lib/installed.ts";
import { folderWith, lockfileText, reportOn } from "./support.ts";

const manifest = (fields: object): string => JSON.stringify(fields);

test("a package's size is its own files, not what is nested in it or what a link points to", async (t) => {
  const folder = await folderWith(t, {
    "node_modules/a/package.json": "{}",
    "node_modules/a/lib/index.js": "x".repeat(1_000),
    "node_modules/a/lib/node_modules/own.js": "x".repeat(30),
    "node_modules/a/node_modules/b/big.js": "x".repeat(50_000),
    "outside.bin": "x".repeat(9_000),
  });
  await symlink(join(folder, "outside.bin"), join(folder, "node_modules/a/linked.bin"));
  await symlink(folder, join(folder, "node_modules/a/loop"));
  const installed = await readInstalled(folder, "node_modules/a");
  assert.equal(installed?.bytes, 2 + 1_000 + 30);
  assert.equal(installed?.files, 3);
});

test("a package that is only linked is not measured", async (t) => {
  const folder = await folderWith(t, { "real/index.js": "x", "node_modules/z/index.js": "x" });
  await symlink(join(folder, "real"), join(folder, "node_modules/a"));
  assert.equal(await readInstalled(folder, "node_modules/a"), undefined);
});

test("a path that leads out of the lockfile's folder is not looked at", async (t) => {
  const folder = await folderWith(t, { "victim/package.json": "{}", "repo/package-lock.json": "{}" });
  const root = join(folder, "repo");
  for (const path of [
    "../victim",
    "node_modules/../../victim",
    join(folder, "victim"),
    "",
    "node_modules/\0",
  ]) {
    assert.equal(await readInstalled(root, path), undefined);
  }
});

test("install scripts come in npm's order, and a binding.gyp alone means node-gyp", async (t) => {
  const folder = await folderWith(t, {
    "node_modules/a/package.json": manifest({
      scripts: { postinstall: "node c.js", preinstall: "node a.js", test: "no", install: "node b.js" },
    }),
    "node_modules/b/package.json": manifest({ scripts: { postinstall: "node after.js" } }),
    "node_modules/b/binding.gyp": "{}",
  });
  const a = await readInstalled(folder, "node_modules/a");
  const b = await readInstalled(folder, "node_modules/b");
  assert.deepEqual(
    a?.scripts.map(({ event }) => event),
    ["preinstall", "install", "postinstall"],
  );
  assert.deepEqual(
    b?.scripts.map(({ command }) => command),
    ["node-gyp rebuild", "node after.js"],
  );
});

test("an install script that the lockfile does not announce is the first finding", async (t) => {
  const folder = await folderWith(t, {
    "package-lock.json": lockfileText({
      "": { dependencies: { a: "1", b: "1" } },
      "node_modules/a": { version: "1.0.0", license: "MIT", hasInstallScript: true },
      "node_modules/b": { version: "1.0.0", license: "GPL-3.0-only" },
    }),
    "node_modules/a/package.json": manifest({ scripts: { install: "node build.js" } }),
    "node_modules/b/package.json": manifest({ scripts: { postinstall: "node steal.js" } }),
  });
  const { facts, ranking } = await reportOn(folder);
  assert.equal(facts.scriptPackages, 2);
  assert.equal(ranking.findings[0]?.id, "install-script:node_modules/b");
  assert.match(ranking.findings[0]?.why ?? "", /node steal\.js/);
});

test("the installed manifest gives the licence that the lockfile lacks, never another", async (t) => {
  const folder = await folderWith(t, {
    "package-lock.json": lockfileText({
      "node_modules/a": { version: "1.0.0" },
      "node_modules/b": { version: "1.0.0", license: "ISC" },
      "node_modules/c": { version: "1.0.0" },
    }),
    "node_modules/a/package.json": manifest({ licenses: [{ type: "MPL-2.0" }] }),
    "node_modules/b/package.json": manifest({ license: "GPL-3.0-only" }),
    "node_modules/c/package.json": "{ broken",
  });
  const { facts } = await reportOn(folder);
  const licences = facts.licences.map(({ licence }) => licence).sort();
  assert.deepEqual(licences, ["(none)", "ISC", "MPL-2.0"]);
});

test("sizes add up over the groups, and what is not installed is counted as not measured", async (t) => {
  const folder = await folderWith(t, {
    "package-lock.json": lockfileText({
      "node_modules/a": { version: "1.0.0" },
      "node_modules/a/node_modules/b": { version: "2.0.0" },
      "node_modules/b": { version: "1.0.0" },
      "node_modules/elsewhere": { version: "1.0.0", optional: true },
    }),
    "node_modules/a/i.js": "12345",
    "node_modules/a/node_modules/b/i.js": "1234567",
    "node_modules/b/i.js": "123",
  });
  const { facts } = await reportOn(folder);
  assert.deepEqual([facts.bytes, facts.files, facts.measured, facts.packages], [15, 3, 3, 4]);
  assert.equal(facts.duplicates[0]?.spareBytes, 3);
  assert.deepEqual(facts.largest[0], {
    name: "b",
    version: "2.0.0",
    path: "node_modules/a/node_modules/b",
    dev: false,
    bytes: 7,
    files: 1,
  });
});
