import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";
import { testInstallation } from "@agentflow/testing";

const dir = path.resolve(import.meta.dirname, "..");

test("a refund is paid once two people were asked, and exactly as it was shown", async () => {
  await using af = await testInstallation({ dir });
  const run = await af.start("big-refund", { id: "o1" });
  assert.equal((await run.ended()).status, "parked");
  await run.answer({ approve: true });
  await run.ended();
  const [asked] = await run.asks();
  assert.deepEqual(asked?.shown.input, { id: "o1", total: 20 });
  await run.answer({ approve: true, comment: "go" });
  assert.deepEqual((await run.ended()).output, { receipt: "o1-refund-o1" });
});

test("when nobody answers in time the question counts as a no", async () => {
  await using af = await testInstallation({ dir });
  const run = await af.start("big-refund", { id: "o1" });
  await af.advance("61m");
  assert.equal((await run.ended()).output, null);
});

test("a refund that is denied is caught", async () => {
  await using af = await testInstallation({ dir });
  const run = await af.start("big-refund", { id: "o1" });
  await run.ended();
  await run.answer({ approve: true });
  await run.ended();
  await run.answer({ approve: false, comment: "too much" });
  assert.deepEqual((await run.ended()).output, { receipt: "none" });
});
