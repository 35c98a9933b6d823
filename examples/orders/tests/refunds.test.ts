import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";
import { testInstallation } from "@agentflow/testing";

const dir = path.resolve(import.meta.dirname, "..");

test("orders that exist are refunded after the pause, ten minutes that take no time here", async () => {
  await using af = await testInstallation({ dir });
  const before = af.now().getTime();
  const run = await af.run("refunds", { ids: ["o1", "x", "o22"] });
  assert.equal(run.status, "completed");
  assert.ok(af.now().getTime() - before >= 600_000);
  const receipts = [{ receipt: "o1-refund-o1" }, { receipt: "o22-refund-o22" }];
  assert.deepEqual(run.output, { receipts, paid: 50 });
});

test("a refund whose worker dies is asked for again under the same key", async () => {
  await using af = await testInstallation({ dir });
  const run = await af.start("refunds", { ids: ["o1"] });
  await af.advance("11m");
  af.killRunner();
  const end = await run.ended();
  assert.deepEqual(end.output, { receipts: [{ receipt: "o1-refund-o1" }], paid: 20 });
});
