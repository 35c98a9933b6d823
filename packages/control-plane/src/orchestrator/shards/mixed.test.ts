/** One control plane with all shards and others that share them: never both on one bus. */
import { AgentFlowError } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import { Kit } from "../fixtures/engine-kit.ts";

const leaseMs = 5_000;
const mixed = { code: "refused", reason: "mixed_ownership" };
let kit: Kit;
afterEach(() => kit.close());

test("while some share the shards, one that would have all is refused and named who is there", async () => {
  kit = new Kit(1);
  await kit.sharing("cp-1");
  await expect(kit.engine("local")).rejects.toMatchObject({ ...mixed, details: { nodes: ["cp-1"] } });
});

test("while one has all shards, those that would share them are refused, and it goes on", async () => {
  kit = new Kit(2);
  const all = await kit.engine("local");
  await kit.pass(3 * leaseMs);
  await expect(kit.sharing("cp-1")).rejects.toMatchObject({ ...mixed, details: { owner: "local" } });
  await kit.pass(leaseMs);
  expect([all.lease, all.shards.length]).toEqual(["held", 64]);
});

test("what a killed one left is no reason to refuse once a lease is over, either way", async () => {
  kit = new Kit(3);
  await kit.engine("local");
  kit.bus.faults.crash("local");
  const one = await kit.sharing("cp-1");
  expect(one.shards).toHaveLength(64);
  kit.bus.faults.crash("cp-1");
  const all = await kit.engine("local-2");
  expect(all.shards).toHaveLength(64);
});

test("who left in order is not waited for", async () => {
  kit = new Kit(4);
  await kit.drive((await kit.sharing("cp-1")).stop());
  const before = kit.world.clock.now();
  await kit.drive((await kit.engine("local")).stop());
  await kit.sharing("cp-2");
  expect(kit.world.clock.now() - before).toBeLessThan(1_000);
});

test("one that slept while others took over finds out, and serves no shard any more", async () => {
  kit = new Kit(5);
  const all = await kit.engine("local");
  kit.bus.faults.partition("local");
  const one = await kit.sharing("cp-1");
  kit.bus.faults.heal("local");
  await kit.pass(leaseMs);
  expect([all.lease, all.shards.length, one.shards.length]).toEqual(["displaced", 0, 64]);
});

test("one that shares and slept while another took all serves none until that one has gone", async () => {
  kit = new Kit(6);
  const one = await kit.sharing("cp-1");
  kit.bus.faults.partition("cp-1");
  await kit.pass(leaseMs);
  const all = await kit.engine("local");
  kit.bus.faults.heal("cp-1");
  await kit.pass(4 * leaseMs);
  expect([all.shards.length, one.shards.length]).toEqual([64, 0]);
  await kit.drive(all.stop());
  await kit.pass(4 * leaseMs);
  expect(one.shards).toHaveLength(64);
});

test.each(Array.from({ length: 20 }, (_, seed) => seed))(
  "of two that start in one moment at most one serves (%i)",
  async (seed) => {
    kit = new Kit(100 + seed);
    const after = kit.world.random.number() * 20;
    const settle = <T>(started: Promise<T>): Promise<T | AgentFlowError> =>
      started.catch((error: unknown) => AgentFlowError.from(error, "starting"));
    const all = settle(kit.engine("local"));
    await kit.world.time.advance(after);
    const one = settle(kit.sharing("cp-1"));
    const both = await Promise.all([all, one]);
    await kit.pass(leaseMs);
    const serving = both.filter((engine) => !AgentFlowError.is(engine) && engine.shards.length > 0);
    expect(serving.length).toBeLessThanOrEqual(1);
    for (const engine of both) if (AgentFlowError.is(engine)) expect(engine).toMatchObject(mixed);
  },
);
