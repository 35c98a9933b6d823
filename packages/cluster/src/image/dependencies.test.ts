import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { localPackage, localPaths, withoutOurs } from "./dependencies.ts";
import { parseLock } from "./parse-package.ts";

/** A project with a workspace, a folder by `file:`, a scoped package with a peer, an optional one. */
const read = (name: string): string =>
  readFileSync(new URL(`fixtures/orders/${name}`, import.meta.url), "utf8");
const orders = { package: read("manifest.json"), lock: read("lock.json") };

const pathsOf = (lock: string | undefined): string[] => Object.keys(parseLock(lock ?? "", "lock").packages);

test("what af brings, what only development needs and every script is gone from package.json", () => {
  const { package: text, count } = withoutOurs(orders);
  expect(JSON.parse(text)).toEqual({
    name: "orders",
    version: "1.0.0",
    private: true,
    type: "module",
    workspaces: ["packages/*"],
    dependencies: {
      "@ai-sdk/openai-compatible": "3.0.92",
      words: "file:lib/words",
      ws: "8.23.0",
      zod: "4.6.7",
    },
    optionalDependencies: { bufferutil: "4.0.9" },
  });
  expect(count).toBe(6);
});

test("the lock file keeps what production leads to, through folders, workspaces and peers", () => {
  expect(pathsOf(withoutOurs(orders).lock)).toEqual([
    "",
    "lib/words",
    "lib/words/node_modules/ms",
    "node_modules/@ai-sdk/openai-compatible",
    "node_modules/@ai-sdk/provider",
    "node_modules/@ai-sdk/provider-utils",
    "node_modules/@standard-schema/spec",
    "node_modules/@workflow/serde",
    "node_modules/bufferutil",
    "node_modules/eventsource-parser",
    "node_modules/json-schema",
    "node_modules/ms",
    "node_modules/node-gyp-build",
    "node_modules/rates",
    "node_modules/words",
    "node_modules/ws",
    "node_modules/zod",
    "packages/rates",
  ]);
});

test("no entry of the lock file asks for a package that af brings", () => {
  const { lock = "" } = withoutOurs(orders);
  expect(lock).not.toContain("@agentflow/");
});

test("filtered twice is the same as filtered once", () => {
  // Within a build the same function runs again, where nobody prepared the files.
  const once = withoutOurs(orders);
  expect(withoutOurs(once)).toEqual(once);
});

test("a project that needs nothing but af has no dependencies left", () => {
  const file = { dependencies: { "@agentflow/sdk": "0.1.0" }, devDependencies: { typescript: "7.0.2" } };
  expect(withoutOurs({ package: JSON.stringify(file), lock: undefined })).toMatchObject({ count: 0 });
  expect(withoutOurs({ package: undefined, lock: undefined })).toMatchObject({ count: 0 });
});

test("a lock file without packages is refused with the way out", () => {
  const old = { package: "{}", lock: JSON.stringify({ lockfileVersion: 1, dependencies: {} }) };
  expect(() => withoutOurs(old)).toThrow(expect.objectContaining({ reason: "lock_file_old" }));
});

test("paths are found in production dependencies alone", () => {
  const file = {
    dependencies: { a: "file:lib/a", b: "link:../b", c: "^1.0.0", d: "./d.tgz", "@agentflow/sdk": "file:/x" },
    devDependencies: { e: "file:../e" },
  };
  expect(localPaths(JSON.stringify(file), "package.json")).toEqual([
    { name: "a", path: "lib/a" },
    { name: "b", path: "../b" },
    { name: "d", path: "./d.tgz" },
  ]);
});

test("a workspace's package.json loses its scripts: its code is not there yet", () => {
  const text = JSON.stringify({ name: "rates", scripts: { prepare: "tsc" }, dependencies: { ms: "2.1.3" } });
  expect(JSON.parse(localPackage(text, "packages/rates/package.json"))).toEqual({
    name: "rates",
    dependencies: { ms: "2.1.3" },
  });
});
