import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import test from "node:test";
import { testInstallation } from "@agentflow/testing";
import { fixtures, folderWith } from "./support.ts";

// The whole installation in memory, on virtual time: no server, no port, no waiting.
const dir = resolve(import.meta.dirname, "..");

test("a run reads a lockfile group by group and writes both reports", async (t) => {
  const out = await folderWith(t, {});
  await using af = await testInstallation({ dir });
  const run = await af.run("repo-report", { lockfile: join(fixtures, "package-lock.json"), out });
  assert.equal(run.status, "completed", JSON.stringify(run.failure));
  const expected = JSON.parse(await readFile(join(fixtures, "expected.json"), "utf8"));
  const report = JSON.parse(await readFile(join(out, "report.json"), "utf8"));
  assert.equal(report.packages, expected.packages);
  assert.match(await readFile(join(out, "report.md"), "utf8"), /^# Dependencies of /);
});

test("a runner that dies while groups are inspected costs only the calls it had", async (t) => {
  const out = await folderWith(t, {});
  await using af = await testInstallation({ dir });
  const run = await af.start("repo-report", { lockfile: join(fixtures, "package-lock.json"), out });
  af.killRunner();
  const end = await run.ended();
  assert.equal(end.status, "completed", JSON.stringify(end.failure));
});

test("a lockfile that is not there is a clear failure, not a retry", async () => {
  await using af = await testInstallation({ dir });
  const run = await af.run("repo-report", { lockfile: "nowhere.json" });
  assert.equal(run.status, "failed");
  assert.equal(run.failure?.code, "not_found");
});
