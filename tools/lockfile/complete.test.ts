import { resolve } from "node:path";
import { expect, test } from "vitest";
import { completeLock, missingFrom, systemOf } from "./complete.ts";
import { readLock } from "./parse-lock.ts";

test("package-lock.json names every optional package, so that npm ci accepts it everywhere", () => {
  const lock = readLock(resolve(import.meta.dirname, "../../package-lock.json"));
  expect(missingFrom(lock), "run `npm run lockfile`").toEqual([]);
});

const lock = {
  lockfileVersion: 3,
  packages: {
    "": {},
    "node_modules/a": {
      version: "1.2.3",
      dev: true,
      optionalDependencies: { "@a/linux-x64": "1.2.3", "@a/darwin-arm64": "1.2.3" },
    },
    "node_modules/@a/linux-x64": { version: "1.2.3", optional: true },
    "node_modules/b/node_modules/a": { version: "2.0.0", optionalDependencies: { "@a/linux-x64": "2.0.0" } },
  },
};

test("a binary that the registry did not offer gets an entry for its own system only", () => {
  expect(missingFrom(lock)).toEqual([
    { name: "@a/darwin-arm64", version: "1.2.3", wantedBy: "node_modules/a" },
  ]);
  const complete = completeLock(lock);
  expect(missingFrom(complete)).toEqual([]);
  expect(complete.packages["node_modules/@a/darwin-arm64"]).toEqual({
    version: "1.2.3",
    cpu: ["arm64"],
    os: ["darwin"],
    dev: true,
    optional: true,
  });
});

test("what is there already stays as it was", () => {
  expect(completeLock(lock)).toMatchObject(lock);
});

test("a range is refused: only an exact version can be named without asking the registry", () => {
  const loose = { packages: { "node_modules/a": { optionalDependencies: { "@a/linux-x64": "^1.0.0" } } } };
  expect(() => completeLock(loose)).toThrow("no exact version");
});

test.each([
  ["@turbo/darwin-64", { os: ["darwin"], cpu: ["x64"] }],
  ["@turbo/windows-arm64", { os: ["win32"], cpu: ["arm64"] }],
  ["@oxlint/binding-linux-arm-musleabihf", { os: ["linux"], cpu: ["arm"], libc: ["musl"] }],
  ["@oxlint/binding-linux-x64-gnu", { os: ["linux"], cpu: ["x64"] }],
  ["@oxlint/binding-win32-ia32-msvc", { os: ["win32"], cpu: ["ia32"] }],
])("%s is known by its name to be for %o", (name, system) => {
  expect(systemOf(name)).toEqual(system);
});

test("a name that says no system is refused", () => {
  expect(() => systemOf("fsevents")).toThrow("cannot tell");
});
