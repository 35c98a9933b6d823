/** A bus that others reach: a backup goes only into an installation at rest, and one restore at a time. */
import type { Bus } from "@agentflow/bus";
import { AgentFlowError, defaultTenant, instant, prefixes } from "@agentflow/protocol";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, afterEach, expect, test } from "vitest";
import { installationKey } from "../installation-id.ts";
import { Kit } from "../orchestrator/fixtures/engine-kit.ts";
import { backup, driveReal, echo, opened, optionsOf, runs } from "./fixtures/copies.ts";
import { type Restored, restoreBackup, verifyBackup } from "./index.ts";
import { findMark, putMark, removeMark, restoreKey } from "./mark.ts";

const quietMs = 6_000;
const count = 3;
let bytes: Buffer;
let target: Kit;
afterEach(() => target.close());

async function smallBackup(seed: number): Promise<Buffer> {
  const kit = new Kit(seed);
  const engine = await kit.engine();
  await kit.register(engine, "echo", echo);
  await runs(kit, engine, count);
  const made = await backup(kit);
  await kit.close();
  return made;
}

beforeAll(async () => {
  bytes = await smallBackup(1);
});

function restore(from = bytes, bus: Bus = target.bus.client("restore")): Promise<Restored> {
  return restoreBackup(opened(from), { ...optionsOf(target, bus), acceptFaults: false, quietMs });
}

const restored = (from?: Buffer): Promise<Restored> => driveReal(target, restore(from));
const mark = () => target.drive(findMark(target.bus.table));

test("an installation with a control plane or a worker at work is refused, and stays as it is", async () => {
  target = new Kit(2);
  const engine = await target.sharing("cp-1");
  const busy = { code: "refused", reason: "installation_busy" };
  await expect(restored()).rejects.toMatchObject({ ...busy, message: expect.stringContaining("cp-1") });
  await target.drive(engine.stop());
  const worker = target.worker({ name: "w-1" });
  await target.pass(2_000);
  await expect(restored()).rejects.toMatchObject({ ...busy, message: expect.stringContaining("w-1") });
  worker.stop();
  const all = await target.engine("local");
  await expect(restored()).rejects.toMatchObject({ ...busy, details: { rows: ["owner.all"] } });
  await target.drive(all.stop());
  expect(await mark()).toBeUndefined();
  expect((await restored()).written.runs.open).toBe(count);
});

test("what killed ones left keeps nobody out", async () => {
  target = new Kit(3);
  await target.sharing("cp-1");
  target.worker({ name: "w-1" }).stop();
  target.bus.faults.crash("cp-1");
  await target.pass(2_000);
  expect((await restored()).written.runs.open).toBe(count);
});

test.each([4, 5, 6, 7, 8])("a control plane that starts in the moment of the mark (%i)", async (seed) => {
  target = new Kit(seed);
  // It has found no mark, and is seen only once there is one.
  const marked = Promise.withResolvers<void>();
  const cp = target.bus.client("cp-1");
  const show = cp.table.put.bind(cp.table);
  cp.table.put = async (key, ...given) => {
    if (key === "node.cp-1") await marked.promise;
    return show(key, ...given);
  };
  const bus = target.bus.client("restore");
  const put = bus.table.put.bind(bus.table);
  bus.table.put = (key, ...given) => {
    if (key === restoreKey) marked.resolve();
    return put(key, ...given);
  };
  const starting = target.sharing("cp-1", { bus: cp }).catch((error: unknown) => error);
  await target.pass(1_000);
  const restoring = await driveReal(target, restore(bytes, bus)).catch((error: unknown) => error);
  const engine = await starting;
  // Either may be refused, or both; never do both go on.
  const refused = [restoring, engine].filter((one) => one instanceof Error);
  expect(refused.length).toBeGreaterThan(0);
  for (const one of refused) {
    expect(one).toMatchObject({ reason: expect.stringMatching(/installation_busy|restore_unfinished/) });
  }
});

test("a control plane refuses to serve in the midst of a restore, and serves once it is done", async () => {
  target = new Kit(9);
  const { bus, wait, go } = halting("append");
  const restoring = restore(bytes, bus);
  await driveReal(target, wait);
  await expect(target.sharing("cp-1")).rejects.toMatchObject({
    reason: "restore_unfinished",
    message: expect.stringMatching(/begun .*\(0 of \d+ records\)/),
  });
  go();
  await driveReal(target, restoring);
  const engine = await target.sharing("cp-1");
  expect(engine.shards).toHaveLength(64);
});

test("of two restores of one backup the second is refused while the first is at work", async () => {
  target = new Kit(10);
  const { bus, wait, go } = halting("append");
  const first = restore(bytes, bus);
  await driveReal(target, wait);
  await expect(restored()).rejects.toMatchObject({ code: "conflict", reason: "restore_under_way" });
  await expect(restored(await smallBackup(11))).rejects.toMatchObject({ reason: "restore_unfinished" });
  go();
  expect((await driveReal(target, first)).resumed).toBe(false);
});

test("one that slept while another went on from its mark writes nothing more", async () => {
  target = new Kit(12);
  const { bus, wait, go } = halting("put", "append");
  const slept = restore(bytes, bus);
  slept.catch(() => undefined);
  await driveReal(target, wait);
  const { written, resumed } = await restored();
  expect({ open: written.runs.open, resumed }).toEqual({ open: count, resumed: true });
  const before = await target.drive(target.bus.log.head(prefixes.log));
  go();
  await expect(driveReal(target, slept)).rejects.toMatchObject({ code: "conflict" });
  expect(await target.drive(target.bus.log.head(prefixes.log))).toBe(before);
});

test("one that comes back after an older backup was restored has read all of it anew", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "af-hold-"));
  const kept = { readModelDir: folder, installationFile: path.join(folder, "installation.json") };
  const before = new Kit(15);
  const first = await before.sharing("cp-1", kept);
  await before.register(first, "echo", echo);
  await runs(before, first, count);
  const older = await backup(before);
  // Nobody will ever hear of these again.
  await runs(before, first, 2);
  await before.drive(first.caughtUp());
  await before.close();
  target = new Kit(16);
  await restored(older);
  const other = await target.sharing("cp-2");
  const more = await runs(target, other, 10);
  await target.drive(other.stop());
  const again = await target.sharing("cp-1", kept);
  const { runs: listed } = await target.drive(again.runs.list(defaultTenant, {}));
  expect(listed).toHaveLength(count + more.length);
  const seen = readFileSync(kept.installationFile, "utf8");
  await target.drive(again.stop());
  rmSync(folder, { recursive: true });
  expect(JSON.parse(seen)).toMatchObject({ restored: expect.any(String) });
});

test("one whose lease is lost is told of the mark that came meanwhile once it is seen again", async () => {
  target = new Kit(14);
  const bus = target.bus.client("cp-1");
  const put = bus.table.put.bind(bus.table);
  let isSeen = true;
  bus.table.put = (key, ...given) => {
    if (key.startsWith("node.") && !isSeen) throw new AgentFlowError("unavailable", "not now");
    return put(key, ...given);
  };
  const engine = await target.sharing("cp-1", { bus });
  isSeen = false;
  await target.pass(quietMs);
  expect(engine.lease).toBe("lost");
  // Whatever changes, it looks around.
  const row = JSON.stringify({ v: 1, owner: "cp-2", life: "x", since: "2026-01-01T00:00:00.000Z" });
  await target.drive(target.bus.table.put("owner.00", row, { expect: "any" }));
  await target.pass(quietMs);
  const at = instant(target.world.clock.now());
  const begun = { at, installation: "i", sha256: "0", total: 1, done: 0, by: "restore" };
  const revision = await target.drive(putMark(target.bus.table, begun, 0));
  isSeen = true;
  await target.pass(2 * quietMs);
  expect([engine.lease, engine.shards]).toEqual(["held", []]);
  await target.drive(removeMark(target.bus.table, revision));
  await target.pass(3 * quietMs);
  expect(engine.shards).toHaveLength(64);
});

/** A client that stands still at its first append, with all that it would write from there on. */
function halting(...writes: ("put" | "append")[]) {
  const bus = target.bus.client("halting");
  const go = Promise.withResolvers<void>();
  const wait = Promise.withResolvers<void>();
  let isHalted = false;
  const append = bus.log.append.bind(bus.log);
  bus.log.append = async (...given) => {
    isHalted = true;
    wait.resolve();
    if (writes.includes("append")) await go.promise;
    return append(...given);
  };
  const put = bus.table.put.bind(bus.table);
  bus.table.put = async (...given) => {
    if (isHalted && writes.includes("put")) await go.promise;
    return put(...given);
  };
  return { bus, wait: wait.promise, go: () => go.resolve() };
}

test("one that waits for its installation serves it once the restore is done, and not before", async () => {
  target = new Kit(13);
  const { head } = await verifyBackup(opened(bytes));
  const folder = mkdtempSync(path.join(tmpdir(), "af-hold-"));
  const installationFile = path.join(folder, "installation.json");
  writeFileSync(installationFile, JSON.stringify({ v: 1, id: head.installation }));
  const engine = await target.sharing("cp-1", { installationFile });
  rmSync(folder, { recursive: true });
  expect(engine.trouble).toMatchObject({ reason: "installation_lost" });
  const bus = target.bus.client("restore");
  const put = bus.table.put.bind(bus.table);
  const [isBack, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  bus.table.put = async (key, ...given) => {
    const done = await put(key, ...given);
    if (key !== installationKey) return done;
    isBack.resolve();
    await goOn.promise;
    return done;
  };
  const restoring = restore(bytes, bus);
  await driveReal(target, isBack.promise);
  await target.pass(2 * quietMs);
  expect([engine.trouble?.reason, engine.shards]).toEqual(["installation_lost", []]);
  goOn.resolve();
  expect((await driveReal(target, restoring)).written.runs.open).toBe(count);
  await target.pass(2 * quietMs);
  expect(engine.shards).toHaveLength(64);
});
