import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseId, prefixes, type Subject, subjects } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import { runSubject } from "../contract/kit.ts";
import type { LogEntry } from "../port/index.ts";
import { newDir } from "./fixtures/makers.ts";
import { type EmbeddedBus, type EmbeddedOptions, openEmbedded } from "./index.ts";

const dirs: string[] = [];
const buses: EmbeddedBus[] = [];
const undo: (() => void)[] = [];

afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close();
  for (const one of undo.splice(0)) one();
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

async function open(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedBus> {
  let { dir } = options;
  if (dir === undefined) {
    dir = newDir();
    dirs.push(dir);
  }
  const bus = await openEmbedded({ ...options, dir });
  buses.push(bus);
  return bus;
}

/** Appends until the disk is full; gives what was acknowledged. */
async function fill(bus: EmbeddedBus): Promise<Subject[]> {
  const body = "x".repeat(20_000);
  const stored: Subject[] = [];
  for (let n = 0; ; n++) {
    const group = Array.from({ length: 8 }, (_, i) => runSubject(n * 8 + i));
    const outcomes = await Promise.allSettled(
      group.map((subject) => bus.log.append(subject, body, { expect: 0 })),
    );
    stored.push(...group.filter((_, i) => outcomes[i]?.status === "fulfilled"));
    const failed = outcomes.filter((one) => one.status === "rejected");
    if (failed.length === 0) continue;
    for (const { reason } of failed)
      expect(reason).toMatchObject({ code: "unavailable", reason: "storage_full" });
    return stored;
  }
}

async function countOf(bus: EmbeddedBus, subjects_: readonly Subject[]): Promise<number> {
  let count = 0;
  for (const subject of subjects_) count += (await bus.log.read(subject)).length;
  return count;
}

test.each(["main", "thread"] as const)(
  "a full store fails a group whole, and goes on once there is room (%s writer)",
  async (writer) => {
    const bus = await open({ writer, logBytesMax: 1024 * 1024 });
    const seen: LogEntry[] = [];
    const stop = new AbortController();
    const following = (async () => {
      const tail = bus.log.tail({ filter: [prefixes.log], after: 0, signal: stop.signal });
      for await (const batch of tail) seen.push(...batch);
    })();
    const stored = await fill(bus);
    expect(stored.length).toBeGreaterThan(8);
    expect(await countOf(bus, stored)).toBe(stored.length);
    expect(await countOf(bus, [runSubject(stored.length), runSubject(stored.length + 1)])).toBe(0);
    for (const subject of stored.slice(0, 16)) await bus.log.purge(subject);
    const after = await bus.log.append(runSubject(9_999), "there is room", { expect: 0 });
    expect(after.ok).toBe(true);
    for (let tries = 0; tries < 200 && seen.at(-1)?.revision !== after.revision; tries++) {
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    }
    stop.abort();
    await following;
    const revisions = seen.map((entry) => entry.revision);
    expect(revisions).toEqual([...new Set(revisions)].toSorted((a, b) => a - b));
    expect(seen).toHaveLength(stored.length + 1);
  },
);

const canMount = process.platform === "linux" && process.getuid?.() === 0 && mounts();

function mounts(): boolean {
  const dir = newDir();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", dir], { stdio: "ignore" });
    execFileSync("umount", [dir], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test.skipIf(!canMount)("a disk that is really full fails appends, and is healed by room alone", async () => {
  const dir = newDir();
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", dir]);
  undo.push(() => {
    execFileSync("umount", [dir]);
    rmSync(dir, { recursive: true, force: true });
  });
  const bus = await open({ dir, writer: "main" });
  const ballast = join(dir, "ballast");
  writeFileSync(ballast, Buffer.alloc(2 * 1024 * 1024));
  const stored = await fill(bus);
  expect(stored.length).toBeGreaterThan(8);
  const blob = Buffer.alloc(3 * 1024 * 1024, 1);
  const key = `acme/_def/${(await import("node:crypto")).createHash("sha256").update(blob).digest("hex")}`;
  await expect(bus.blobs.put(key, blob)).rejects.toMatchObject({
    code: "unavailable",
    reason: "storage_full",
  });
  expect(await bus.blobs.get(key)).toBeUndefined();
  rmSync(ballast);
  expect((await bus.log.append(runSubject(9_999), "there is room", { expect: 0 })).ok).toBe(true);
  expect(await countOf(bus, stored)).toBe(stored.length);
});

test("state of a newer program is refused with both versions and what to do, and left alone", async () => {
  const bus = await open({ version: "0.9.0" });
  const { dir } = bus;
  await bus.log.append(runSubject(1), "kept", { expect: 0 });
  await bus.close();
  const db = new DatabaseSync(join(dir, "log.db"));
  db.exec("PRAGMA user_version = 7; UPDATE meta SET value = '3.1.0' WHERE key = 'written_by'");
  db.close();
  const error: unknown = await openEmbedded({ dir, version: "0.9.0" }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "refused", reason: "state_newer", details: { found: 7, known: 1 } });
  expect(String(error)).toContain("3.1.0");
  expect(String(error)).toContain("0.9.0");
  const again = new DatabaseSync(join(dir, "log.db"));
  expect(again.prepare("PRAGMA user_version").get()).toMatchObject({ user_version: 7 });
  expect(again.prepare("SELECT count(*) AS n FROM log").get()).toMatchObject({ n: 1 });
  again.close();
});

test("a second owner in the same process is refused too", async () => {
  const { dir } = await open();
  await expect(openEmbedded({ dir })).rejects.toMatchObject({ code: "conflict", reason: "owned" });
});

test("a file that is no state is said to be none", async () => {
  const dir = newDir();
  dirs.push(dir);
  writeFileSync(join(dir, "log.db"), "this is not a database, however long it is ".repeat(50));
  await expect(openEmbedded({ dir })).rejects.toMatchObject({
    code: "unavailable",
    reason: "storage_failed",
  });
});

test("telemetry stays within its size, and the newest is kept", async () => {
  const teleBytesMax = 1024 * 1024;
  const bus = await open({ teleBytesMax });
  const subject = subjects.tele({ tenant: parseId("tenant", "acme"), source: parseId("source", "w1") });
  for (let n = 0; n < 60; n++) {
    const some = Array.from({ length: 10 }, (_, i) =>
      bus.log.append(subject, `${n * 10 + i} ${"x".repeat(8_000)}`, { expect: "any" }),
    );
    await Promise.all(some);
  }
  await bus.close();
  const { dir } = bus;
  expect(statSync(join(dir, "tele.db")).size).toBeLessThan(2 * teleBytesMax);
  const again = await open({ dir });
  const kept = await again.log.read(subject, { limit: 10_000 });
  expect(kept.length).toBeGreaterThan(20);
  expect(kept.length).toBeLessThan(300);
  expect(kept.at(-1)?.body.startsWith("599 ")).toBe(true);
});

test("the folder and its files are for their user alone", async () => {
  const { dir } = await open();
  expect(statSync(dir).mode & 0o777).toBe(0o700);
  for (const name of ["log.db", "tele.db", "lock"]) {
    expect(statSync(join(dir, name)).mode & 0o077).toBe(0);
  }
});

test("a missing folder is made, and half-written blobs of a dead owner are gone", async () => {
  const parent = newDir();
  dirs.push(parent);
  const dir = join(parent, "a", "state");
  mkdirSync(join(dir, "blobs", ".tmp"), { recursive: true });
  writeFileSync(join(dir, "blobs", ".tmp", "half"), "half");
  const bus = await open({ dir });
  expect(() => statSync(join(dir, "blobs", ".tmp", "half"))).toThrow("ENOENT");
  expect(await bus.blobs.list("")).toEqual([]);
});

test("a folder goes with its last blob, and comes back with the next, also at the same time", async () => {
  const bus = await open();
  const of = (text: string): { key: string; bytes: Buffer } => {
    const bytes = Buffer.from(text);
    return { key: `acme/run/${createHash("sha256").update(bytes).digest("hex")}`, bytes };
  };
  const one = of("one");
  await bus.blobs.put(one.key, one.bytes);
  await bus.blobs.delete(one.key);
  expect(() => statSync(join(dirs[0] ?? "", "blobs/acme/run"))).toThrow("ENOENT");
  for (let n = 0; n < 50; n++) {
    const kept = of(`kept ${n}`);
    await bus.blobs.put(one.key, one.bytes);
    await Promise.all([bus.blobs.delete(one.key), bus.blobs.put(kept.key, kept.bytes)]);
    expect(await bus.blobs.list("acme/run/")).toEqual([kept.key]);
    await bus.blobs.delete(kept.key);
  }
});

test("damaged telemetry is set aside and told; runs do not wait for it", async () => {
  const first = await open();
  const subject = runSubject(1);
  await first.log.append(subject, "kept", { expect: 0 });
  await first.close();
  writeFileSync(join(first.dir, "tele.db"), "no database at all, however long it is ".repeat(200));
  const notes: string[] = [];
  const again = await open({ dir: first.dir, onNote: ({ kind }) => notes.push(kind) });
  expect(notes).toEqual(["telemetry_set_aside"]);
  expect(await again.log.read(subject)).toHaveLength(1);
  const tele = subjects.tele({ tenant: parseId("tenant", "acme"), source: parseId("source", "w1") });
  await again.log.append(tele, "new", { expect: "any" });
  expect(await again.log.read(tele)).toHaveLength(1);
});

test("a lock that cannot be read is not said to be somebody's", async () => {
  const dir = newDir();
  dirs.push(dir);
  writeFileSync(join(dir, "lock.db"), "no database at all, however long it is ".repeat(200));
  await expect(openEmbedded({ dir })).rejects.toMatchObject({ reason: "storage_failed" });
  rmSync(join(dir, "lock.db"));
  mkdirSync(join(dir, "lock.db"));
  await expect(openEmbedded({ dir })).rejects.toMatchObject({ reason: "storage_failed" });
});
