import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultPool, defaultTenant, devBuild, subjects } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import { runSubject } from "../contract/kit.ts";
import { FaultyBackend } from "./fixtures/faulty-backend.ts";
import { newDir } from "./fixtures/makers.ts";
import { type BusNote, noteLimits } from "./notes.ts";
import { type EmbeddedBus, type EmbeddedOptions, openOn } from "./open.ts";

const subject = subjects.task({ tenant: defaultTenant, pool: defaultPool, build: devBuild });
const task = (n: number) => ({ id: `default:r1:start:${n}`, subject, body: "{}" });
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function open(options: Partial<EmbeddedOptions> = {}, dir = newDir()) {
  const notes: BusNote[] = [];
  const made: FaultyBackend[] = [];
  const bus = await openOn(
    { writer: "main", ...options, dir, onNote: (note) => notes.push(note) },
    (files, where) => {
      const backend = new FaultyBackend(files, where);
      made.push(backend);
      return backend;
    },
  );
  ends.push(async () => {
    await bus.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const [backend] = made;
  if (backend === undefined) throw new Error("it was opened without a backend");
  return { bus, notes, backend };
}

async function takeOne(bus: EmbeddedBus, leaseMs: number) {
  const stop = new AbortController();
  ends.push(async () => stop.abort());
  const take = { subjects: [subject], holder: "w1", slots: 1, leaseMs, signal: stop.signal };
  for await (const delivery of bus.queue.take(take)) return { delivery, stop };
  throw new Error("nothing was delivered");
}

test("what went well is not told", async () => {
  const { bus, notes } = await open();
  await bus.log.append(runSubject(1), "x", { expect: 0 });
  await bus.queue.push([task(1)]);
  const { delivery } = await takeOne(bus, 5_000);
  expect(await delivery.ack()).toBe(true);
  expect(notes).toEqual([]);
});

test("an owner that ended without closing is named", async () => {
  const dir = newDir();
  writeFileSync(join(dir, "lock"), JSON.stringify({ pid: 4_242, started: "then" }));
  const { notes } = await open({}, dir);
  expect(notes).toEqual([{ kind: "taken_over", pid: 4_242 }]);
});

test("commits that fail are told once, and once that they work again", async () => {
  const { bus, notes, backend } = await open();
  for (let n = 0; n < 3; n++) {
    backend.failNext();
    await expect(bus.log.append(runSubject(1), "x", { expect: 0 })).rejects.toMatchObject({
      code: "unavailable",
    });
  }
  await bus.log.append(runSubject(1), "x", { expect: 0 });
  expect(notes).toEqual([
    { kind: "commit_failed", store: "log", message: "a fault of the test", full: false },
    { kind: "commits_again", store: "log", failed: 3 },
  ]);
});

test("slow commits are told with the worst, not one by one", async () => {
  const { bus, notes, backend } = await open();
  backend.late(noteLimits.slowCommitMs + 20);
  for (let n = 0; n < 3; n++) await bus.log.append(runSubject(n), "x", { expect: 0 });
  expect(notes).toEqual([{ kind: "slow_commits", store: "log", count: 1, worstMs: expect.any(Number) }]);
});

test("a full queue, a lease that ran out and a dead letter are told", async () => {
  const { bus, notes } = await open({ queueTasksMax: 1 });
  expect(await bus.queue.push([task(1), task(2), task(3)])).toContainEqual({ ok: false, reason: "full" });
  await takeOne(bus, 30);
  await expect.poll(() => notes.length).toBe(2);
  const { delivery } = await takeOne(bus, 5_000);
  await delivery.bury("nobody can read it");
  expect(notes).toEqual([
    { kind: "queue_full", tasks: 1, refused: 1 },
    { kind: "redelivered", id: task(1).id, holder: "w1", why: "lease_ran_out" },
    { kind: "dead_letter", id: task(1).id, reason: "nobody can read it", deliveries: expect.any(Number) },
  ]);
});
