/** One control plane with all shards and others that share them: never both on one bus. */
import { AgentFlowError, instant } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import { putMark, removeMark } from "../../backup/mark.ts";
import { Kit } from "../fixtures/engine-kit.ts";
import { allKey } from "./signs-of-life.ts";

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
  expect(kit.world.clock.now() - before).toBeLessThan(leaseMs);
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

test("one that was replaced by another that died is the owner again, and is seen to be", async () => {
  kit = new Kit(7);
  const first = await kit.engine("local");
  await kit.engine("local-2");
  await kit.pass(leaseMs);
  await expect(kit.drive(first.ownsShards())).rejects.toMatchObject({ reason: "other_owner" });
  kit.bus.faults.crash("local-2");
  await kit.pass(3 * leaseMs);
  await kit.drive(first.ownsShards());
  await expect(kit.sharing("cp-1")).rejects.toMatchObject({ ...mixed, details: { owner: "local" } });
});

test("one whose row was taken away takes nothing up while a backup is being restored", async () => {
  kit = new Kit(8);
  const all = await kit.engine("local");
  await kit.drive(kit.bus.table.delete(allKey, { expect: "any" }));
  const at = instant(kit.world.clock.now());
  const begun = { at, installation: "i", sha256: "0", total: 1, done: 0, by: "restore" };
  const mark = await kit.drive(putMark(kit.bus.table, begun, 0));
  await kit.pass(4 * leaseMs);
  expect([all.lease, all.shards.length]).toEqual(["displaced", 0]);
  await kit.drive(removeMark(kit.bus.table, mark));
  await kit.pass(2 * leaseMs);
  expect([all.lease, all.shards.length]).toEqual(["held", 64]);
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

test.each(Array.from({ length: 40 }, (_, seed) => seed))(
  "of two that start in one moment at most one serves (%i)",
  async (seed) => {
    kit = new Kit(seed);
    const settle = <T>(started: Promise<T>): Promise<T | AgentFlowError> =>
      started.catch((error: unknown) => AgentFlowError.from(error, "starting"));
    const bus = kit.bus.client("cp-1");
    const { table } = bus;
    const remove = table.delete.bind(table);
    // The first time that the one asks for the other, the other begins.
    const asks = new Promise<void>((resolve) => {
      table.delete = (key, options) => {
        if (key === allKey) resolve();
        return remove(key, options);
      };
    });
    const all = asks.then(() => settle(kit.engine("local")));
    const both = await Promise.all([settle(kit.sharing("cp-1", { bus })), all]);
    await kit.pass(leaseMs);
    const serving = both.filter((engine) => !AgentFlowError.is(engine) && engine.shards.length > 0);
    expect(serving.length).toBeLessThanOrEqual(1);
    for (const engine of both) if (AgentFlowError.is(engine)) expect(engine).toMatchObject(mixed);
  },
);
