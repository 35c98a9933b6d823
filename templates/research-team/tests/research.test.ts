import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import test, { after } from "node:test";
import { testInstallation } from "@agentflow/testing";

// The whole installation in memory, with the scripted model: no key, no port.
const dir = path.resolve(import.meta.dirname, "..");
const question = JSON.parse(await readFile(path.join(dir, "inputs/trees.json"), "utf8"));

after(() => rm(path.join(dir, "reports"), { recursive: true, force: true }));

test("a question becomes a report whose claims have sources", async () => {
  await using af = await testInstallation({ dir });
  const run = await af.run("research", question);
  assert.equal(run.status, "completed");
  const { file, sources } = run.output as { file: string; sources: string[] };
  const report = await readFile(path.join(dir, file), "utf8");
  for (const source of sources) assert.ok(report.includes(`(${source})`), `${source} is named in the text`);
});

test("researchers work side by side, each with its own usage", async () => {
  await using af = await testInstallation({ dir });
  const { run } = await af.run("research", question);
  const { steps, usage } = await af.get(run);
  const researchers = steps.filter(({ step }) => step.startsWith("research~"));
  assert.equal(researchers.length, 3);
  for (const one of researchers) assert.equal(one.usage?.modelCalls, 3);
  // Supervisor and writer one reply each, the critic two.
  assert.equal(usage?.modelCalls, 3 * 3 + 4);
});

test("a crash in the middle loses nothing and repeats no finished step", async () => {
  await using af = await testInstallation({ dir });
  const run = await af.start("research", question);
  af.killRunner();
  await af.restartControlPlane();
  assert.equal((await run.ended()).status, "completed");
});
