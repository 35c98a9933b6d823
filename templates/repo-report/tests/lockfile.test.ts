import assert from "node:assert/strict";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { buildGraph } from "../lib/graph.ts";
import { groupPackages } from "../lib/groups.ts";
import { limits } from "../lib/limits.ts";
import { packagesOf, parseLockfile, readLockfile } from "../lib/lockfile.ts";
import { inspectPackages, scanLockfile } from "../lib/steps.ts";
import { fixtures, folderWith, lockfileText } from "./support.ts";

test("a missing lockfile is named by its full path, with the command that makes one", async (t) => {
  const folder = await folderWith(t, {});
  const missing = join(folder, "package-lock.json");
  await assert.rejects(readLockfile(missing), (error: Error) => {
    assert.match(error.message, /npm install --package-lock-only/);
    assert.ok(error.message.includes(missing));
    assert.ok("code" in error && error.code === "not_found");
    return true;
  });
});

test("a folder instead of a file is refused as a folder", async (t) => {
  await assert.rejects(readLockfile(await folderWith(t, {})), /is a folder/);
});

test("a lockfile over the limit is refused before it is read", async (t) => {
  const folder = await folderWith(t, { "package-lock.json": "{}" });
  const file = join(folder, "package-lock.json");
  await truncate(file, limits.lockfileBytesMax + 1);
  await assert.rejects(readLockfile(file), /64\.0 MiB; the limit is 64 MiB/);
});

for (const [text, says] of [
  ["{ nope", /is not JSON/],
  ["[]", /does not hold a JSON object/],
  ['{"name":"x"}', /no lockfileVersion: is it a package-lock.json\?/],
  ['{"lockfileVersion":1}', /lockfileVersion 1; the report reads 2 and 3/],
  ['{"lockfileVersion":4}', /lockfileVersion 4; the report reads 2 and 3/],
  ['{"lockfileVersion":"3"}', /lockfileVersion "3"/],
  ['{"lockfileVersion":3}', /no "packages" object/],
  ['{"lockfileVersion":3,"packages":{"node_modules/a":7}}', /"node_modules\/a" is not an object/],
] as const) {
  test(`the text ${text} is refused with a reason`, () => {
    assert.throws(() => parseLockfile(text, "package-lock.json"), says);
  });
}

test("a path or a chain without a sensible end is refused, not followed", () => {
  const path = `node_modules/${"a/node_modules/".repeat(1_000)}b`;
  assert.throws(() => parseLockfile(lockfileText({ [path]: {} }), "f"), /path of 15014 characters/);
  const chain = Array.from({ length: limits.depthMax + 1 }, (_, at) => [
    at === 0 ? "" : `node_modules/p${at}`,
    { dependencies: { [`p${at + 1}`]: "1" } },
  ]);
  const endless = { ...Object.fromEntries(chain), [`node_modules/p${limits.depthMax + 1}`]: {} };
  assert.throws(() => buildGraph(parseLockfile(lockfileText(endless), "f")), /more than 100 packages long/);
});

test("versions 2 and 3 are read alike, with or without a byte order mark", () => {
  const packages = { "": { name: "shop", version: "1.0.0" }, "node_modules/a": { version: "2.0.0" } };
  for (const lockfileVersion of [2, 3]) {
    const text = JSON.stringify({ lockfileVersion, packages, dependencies: {} });
    assert.equal(packagesOf(parseLockfile(text, "f")).length, 1);
    assert.equal(parseLockfile(`\uFEFF${text}`, "f").name, "shop");
  }
});

test("an alias is counted under the name of the package it stands for", () => {
  const text = lockfileText({ "node_modules/old": { name: "@real/thing", version: "1.0.0" } });
  assert.equal(packagesOf(parseLockfile(text, "f"))[0]?.name, "@real/thing");
});

test("names like __proto__ and constructor are packages like any other", () => {
  const text = '{"lockfileVersion":3,"packages":{"node_modules/__proto__":{},"node_modules/constructor":{}}}';
  assert.deepEqual(
    packagesOf(parseLockfile(text, "f")).map(({ name }) => name),
    ["__proto__", "constructor"],
  );
});

test("groups cover every package once and keep all copies of a name together", async () => {
  const lockfile = await readLockfile(join(fixtures, "package-lock.json"));
  const groups = groupPackages(lockfile);
  const homes = packagesOf(lockfile).map(({ name }) =>
    groups.filter(({ from, to }) => from <= name && name <= to),
  );
  assert.ok(homes.every((home) => home.length === 1));
  assert.equal(
    groups.reduce((total, { packages }) => total + packages, 0),
    homes.length,
  );
  assert.ok(groups.length > 4 && groups.length <= limits.groupsMax);
});

test("a lockfile without packages gives no group and no complaint", async (t) => {
  const folder = await folderWith(t, { "package-lock.json": lockfileText({ "": { name: "shop" } }) });
  const scanned = await scanLockfile({ projectDir: folder, lockfile: "package-lock.json" });
  assert.deepEqual(scanned.groups, []);
});

test("a lockfile that changes between the steps is refused, not mixed", async (t) => {
  const folder = await folderWith(t, { "package-lock.json": lockfileText({ "node_modules/a": {} }) });
  const place = { projectDir: folder, lockfile: "package-lock.json" };
  const { sha256, groups } = await scanLockfile(place);
  await writeFile(join(folder, "package-lock.json"), lockfileText({ "node_modules/b": {} }));
  const group = groups[0];
  assert.ok(group !== undefined);
  await assert.rejects(
    inspectPackages({ ...place, sha256, group, of: 1 }),
    /changed while it was being read/,
  );
});
