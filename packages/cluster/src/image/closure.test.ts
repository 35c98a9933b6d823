import { expect, test } from "vitest";
import { type Packages, closureOf } from "./closure.ts";
import { runs } from "./installed.ts";
import type { PackageFile } from "./parse-package.ts";

/** Installed packages by folder; found upwards as Node does. */
function installed(files: Readonly<Record<string, PackageFile>>): Packages {
  return {
    read: (folder) => files[folder] ?? {},
    find(from, name) {
      for (let at = from; ; at = at.slice(0, at.lastIndexOf("/"))) {
        const folder = `${at}/node_modules/${name}`;
        if (Object.hasOwn(files, folder)) return folder;
        if (at === "") return undefined;
      }
    },
  };
}

const placesOf = (root: string, packages: Packages): string[] =>
  closureOf(root, packages).placed.map(({ at, folder }) => `${at} <- ${folder}`);

test("packages lie flat, and a second version beside whoever needs it", () => {
  const packages = installed({
    "/cli": { name: "cli", dependencies: { a: "1", b: "1" } },
    "/node_modules/a": { name: "a", dependencies: { b: "2", c: "1" } },
    "/node_modules/a/node_modules/b": { name: "b", dependencies: { c: "1" } },
    "/node_modules/b": { name: "b" },
    "/node_modules/c": { name: "c", dependencies: { a: "1" } },
  });
  expect(placesOf("/cli", packages)).toEqual([
    "node_modules/a <- /node_modules/a",
    "node_modules/a/node_modules/b <- /node_modules/a/node_modules/b",
    "node_modules/b <- /node_modules/b",
    "node_modules/c <- /node_modules/c",
    "node_modules/cli <- /cli",
  ]);
});

test("peers that are there come along, optional dependencies and optional peers do not", () => {
  const packages = installed({
    "/cli": { name: "cli", dependencies: { a: "1", native: "1" }, optionalDependencies: { native: "1" } },
    "/node_modules/a": {
      name: "a",
      peerDependencies: { peer: "1", absent: "1", maybe: "1" },
      peerDependenciesMeta: { maybe: { optional: true } },
    },
    "/node_modules/peer": { name: "peer" },
    "/node_modules/maybe": { name: "maybe" },
    "/node_modules/native": { name: "native" },
  });
  const { placed, missing } = closureOf("/cli", packages);
  expect(placed.map(({ name }) => name)).toEqual(["a", "cli", "peer"]);
  expect(missing).toEqual([]);
});

test("what is named and not installed is said, with who needs it", () => {
  const packages = installed({ "/cli": { name: "cli", dependencies: { gone: "1" } } });
  expect(closureOf("/cli", packages).missing).toEqual([{ name: "gone", by: "cli" }]);
});

test.each([
  ["dist/index.js", true, true],
  ["dist/index.d.ts", true, false],
  ["dist/main.js.map", true, false],
  ["dist/main.test.js", true, false],
  ["src/index.ts", true, false],
  ["schemas/project.json", true, true],
  ["lib/index.js", false, true],
  ["lib/types.d.ts", false, false],
  ["dist/doc/directives.js", false, true],
  ["doc/guide.html", false, false],
  ["test/all.js", false, false],
  ["README.md", false, false],
  ["LICENSE.md", false, true],
  ["build/Release/fast.node", false, false],
  ["node_modules/other/index.js", false, false],
])("%s (ours: %s) is of use in an image: %s", (path, ours, expected) => {
  expect(runs(path, ours)).toBe(expected);
});
