import assert from "node:assert/strict";
import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import test, { beforeEach } from "node:test";
import { testInstallation } from "@agentflow/testing";

// The whole installation in memory, with the scripted model: no key, no port, no waiting for people.
const dir = path.resolve(import.meta.dirname, "..");
const outbox = path.join(dir, "outbox");
const refund = JSON.parse(await readFile(path.join(dir, "inputs/refund.json"), "utf8"));

const sent = (): Promise<string[]> => readdir(outbox).catch(() => []);

beforeEach(() => rm(outbox, { recursive: true, force: true }));

test("a ticket is sorted, answered by the rules, approved and sent once", async () => {
  await using af = await testInstallation({ dir });
  const run = await af.run("triage", refund);
  assert.equal(run.status, "parked");
  assert.deepEqual(await sent(), [], "nothing leaves before somebody has said yes");

  const [asked] = await af.approvals(run.run);
  assert.equal(asked?.shown.uses, "tool:mail.send");
  await af.decide(asked.approval, { approve: true, by: "lin" });
  assert.equal((await af.ended(run.run)).status, "completed");

  const [mail, ...others] = await sent();
  assert.deepEqual(others, []);
  assert.match(await readFile(path.join(outbox, mail ?? ""), "utf8"), /14 days/);
});

test("a question is answered by the rule that it asks for", async () => {
  await using af = await testInstallation({ dir });
  const question = JSON.parse(await readFile(path.join(dir, "inputs/question.json"), "utf8"));
  const { run } = await af.run("triage", question);
  const [asked] = await af.approvals(run);
  assert.match(JSON.stringify(asked?.shown.input), /four days/);
});

test("what is denied is not sent, and the run says who denied it", async () => {
  await using af = await testInstallation({ dir });
  const { run } = await af.run("triage", refund);
  const [asked] = await af.approvals(run);
  await af.decide(asked?.approval ?? "", { approve: false, by: "lin", comment: "too friendly" });
  const { status, failure } = await af.ended(run);
  assert.equal(status, "failed");
  assert.match(failure?.message ?? "", /lin/);
  assert.deepEqual(await sent(), []);
});

test("without an answer it counts as denied after four hours, which take seconds here", async () => {
  await using af = await testInstallation({ dir });
  const { run } = await af.run("triage", refund);
  await af.advance("5h");
  assert.equal((await af.get(run)).failure?.code, "approval_expired");
});

test("a crash while the agents work costs nothing but time", async () => {
  await using af = await testInstallation({ dir });
  const run = await af.start("triage", refund);
  af.killRunner();
  await af.restartControlPlane();
  assert.equal((await run.ended()).status, "parked");
});
