import { openMemoryBus } from "@agentflow/bus/memory";
import { createLog } from "@agentflow/host/log";
import { virtualWorld } from "@agentflow/host/virtual";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { InstallationGuard } from "./installation-guard.ts";
import { installationKey } from "./installation-id.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function installation() {
  const folder = mkdtempSync(path.join(tmpdir(), "af-guard-"));
  folders.push(folder);
  const world = virtualWorld();
  const { table } = openMemoryBus({ world, polite: true });
  const said: string[] = [];
  const say = createLog({
    source: "control-plane",
    clock: world.clock,
    outputs: [{ write: (line) => void said.push(JSON.stringify(line)) }],
  });
  const file = path.join(folder, "installation.json");
  const guard = () => new InstallationGuard({ table, lanes: 2, world, say, file });
  const drive = async <T>(work: Promise<T>): Promise<T> => {
    const pending = new Set([work]);
    void work.finally(() => pending.delete(work)).catch(() => undefined);
    while (pending.size > 0) await world.time.advance(5);
    return work;
  };
  const put = (id: string, more: { restored?: string; logs?: number } = {}) =>
    drive(table.put(installationKey, JSON.stringify({ v: 1, id, ...more }), { expect: "any" }));
  const remove = () => drive(table.delete(installationKey, { expect: "any" }));
  return { file, guard, drive, put, remove, said };
}

test("whoever remembers nothing takes what it finds, and knows it again", async () => {
  const { file, guard, drive } = installation();
  const first = guard();
  await drive(first.open());
  expect([first.isNew, first.trouble]).toEqual([true, undefined]);
  // Dead before what another installation left was removed: it is still to be removed.
  const dead = guard();
  await drive(dead.open());
  expect([dead.isNew, dead.trouble]).toEqual([true, undefined]);
  first.keep();
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
    v: 1,
    id: expect.stringMatching(/^[0-9a-f]{16}$/),
  });
  const again = guard();
  await drive(again.open());
  expect([again.isNew, again.trouble]).toEqual([false, undefined]);
});

test("another installation, or none, is trouble until the right one is back", async () => {
  const { file, guard, drive, put, remove } = installation();
  writeFileSync(file, JSON.stringify({ v: 1, id: "ours" }));
  const one = guard();
  let lost = 0;
  one.onOther(() => lost++);
  await drive(one.open());
  expect(one.trouble).toMatchObject({ reason: "installation_lost", details: { found: null } });
  await put("theirs");
  await expect(drive(one.check())).rejects.toMatchObject({
    details: { installation: "ours", found: "theirs" },
  });
  await put("ours");
  await drive(one.check());
  expect(one.trouble).toBeUndefined();
  await put("ours", { restored: "again" });
  await drive(one.check());
  expect([one.isNew, lost]).toEqual([true, 2]);
  one.keep();
  expect([one.isNew, JSON.parse(readFileSync(file, "utf8"))]).toEqual([
    false,
    { v: 1, id: "ours", restored: "again" },
  ]);
  await put("ours", { restored: "again", logs: 3 });
  await expect(drive(one.check())).rejects.toMatchObject({
    reason: "other_logs",
    details: { logs: 3, opened: 2 },
  });
  await put("ours", { restored: "again" });
  await drive(one.check());
  await remove();
  await expect(drive(one.check())).rejects.toMatchObject({ reason: "installation_lost" });
  expect(lost).toBe(4);
});
