/** The report's figures against fixtures/expected.json, which another program worked out (see the README). */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { z } from "zod";
import { buildGraph } from "../lib/graph.ts";
import { packagesOf, readLockfile } from "../lib/lockfile.ts";
import { byText } from "../lib/order.ts";
import { fixtures, reportOn } from "./support.ts";

const count = z.int();
const expected = z
  .object({
    packages: count,
    names: count,
    workspaces: count,
    licences: z.record(z.string(), count),
    classes: z.record(z.string(), count),
    severalVersions: z.record(z.string(), z.record(z.string(), z.array(z.string()))),
    installScripts: z.array(z.string()),
    unreachable: z.array(z.string()),
    deepest: count,
    depths: z.record(z.string(), count),
  })
  .parse(JSON.parse(await readFile(join(fixtures, "expected.json"), "utf8")));

test("packages, names and workspaces are counted as the other program counts them", async () => {
  const { source, facts } = await reportOn(fixtures);
  assert.equal(facts.packages, expected.packages);
  assert.equal(facts.names, expected.names);
  assert.equal(source.packages, expected.packages);
  assert.equal(source.workspaces, expected.workspaces);
});

test("every licence and every class of licence has the expected number of packages", async () => {
  const { facts } = await reportOn(fixtures);
  const found = Object.fromEntries(facts.licences.map(({ licence, packages }) => [licence, packages]));
  const classes = Object.entries(facts.classes).filter(([, packages]) => packages > 0);
  assert.deepEqual(found, expected.licences);
  assert.deepEqual(Object.fromEntries(classes), expected.classes);
});

test("packages in several versions are found, with every path of every version", async () => {
  const { facts } = await reportOn(fixtures);
  const found = Object.fromEntries(
    facts.duplicates.map(({ name, versions }) => [
      name,
      Object.fromEntries(versions.map(({ version, paths }) => [version, paths.toSorted(byText)])),
    ]),
  );
  assert.deepEqual(found, expected.severalVersions);
  assert.equal(facts.duplicateNames, Object.keys(expected.severalVersions).length);
});

test("the packages with install scripts are exactly the expected ones", async () => {
  const { facts } = await reportOn(fixtures);
  assert.deepEqual(facts.installScripts.map(({ path }) => path).sort(byText), expected.installScripts);
});

test("every package is as far from the project as the other program says", async () => {
  const lockfile = await readLockfile(join(fixtures, "package-lock.json"));
  const graph = buildGraph(lockfile);
  const depths = packagesOf(lockfile).map(({ path }) => [path, graph.depthOf(path)] as const);
  const reached = depths.filter(([, depth]) => depth !== undefined);
  assert.deepEqual(Object.fromEntries(reached), expected.depths);
  const orphans = depths.filter(([, depth]) => depth === undefined).map(([path]) => path);
  assert.deepEqual(orphans, expected.unreachable);
});

test("the furthest way is as long as the largest depth", async () => {
  const { facts } = await reportOn(fixtures);
  assert.equal(facts.depths.at(-1)?.depth, expected.deepest);
  assert.equal(facts.deepest.length, expected.deepest);
  assert.equal(facts.unreachable, expected.unreachable.length);
});
