import { compileExpression } from "@agentflow/core/expr";
import { type MemoryBus, openMemoryBus } from "@agentflow/bus/memory";
import { sleep } from "@agentflow/host/clock";
import { type VirtualWorld, virtualWorld } from "@agentflow/host/virtual";
import {
  AgentFlowError,
  type InputRequest,
  type RunId,
  type RunInput,
  type Task,
  type WorkerPresence,
  blobRefKey,
  defaultPool,
  defaultTenant,
  instant,
  parseId,
  prefixes,
  presenceEveryMs,
  subjects,
  unixMs,
} from "@agentflow/protocol";
import { hash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { type ScriptedRunner, type ScriptedRunners, ended, scriptedRunners } from "./scripted-runners.ts";
import { workerLimits } from "../src/worker/limits.ts";
import type { Worker } from "../src/worker/worker.ts";
import { leaseMs, ownerOf, run, taskOf, taskSubject, workerWith } from "./worker-parts.ts";

interface House {
  readonly world: VirtualWorld;
  readonly bus: MemoryBus;
  readonly runners: ScriptedRunners;
  readonly worker: Worker;
  /** What the run's owner was told, in order. */
  readonly told: RunInput[];
  /** Kinds of inputs that the owner refuses, with the reason. */
  readonly refuses: Map<RunInput["kind"], string>;
  push(task: Task): Promise<void>;
  pushText(id: string, body: string): Promise<void>;
  /** The next so many reports are of a newer version than the owner knows. */
  olderFor(answers: number): void;
  /** The next so many reports reach an owner that sleeps. */
  asleepFor(requests: number): void;
  /** Each answer is on its way for so long. */
  slowBy(ms: number): void;
  runner(index: number): ScriptedRunner;
}

async function house(of: { seed?: number; loaded?: boolean; run?: RunId } = {}): Promise<House> {
  const world = virtualWorld(of.seed);
  const bus = openMemoryBus({ world, polite: true });
  const told: RunInput[] = [];
  const refuses: House["refuses"] = new Map();
  await world.time.advance(0);
  let [older, asleep, slowMs] = [0, 0, 0];
  const serving = bus.wire.serve(ownerOf(of.run), async (body) => {
    const { input }: InputRequest = JSON.parse(body);
    if (asleep-- > 0) return new Promise(() => undefined);
    // As a control plane answers what is of a newer version than it knows.
    if (older-- > 0) throw new AgentFlowError("unavailable", "newer", { reason: "newer_version" });
    told.push(input);
    const reason = refuses.get(input.kind);
    if (slowMs > 0) await sleep(world.timers, slowMs);
    const answer =
      reason === undefined ? { kind: "accepted", revision: 1 } : { kind: "refused", reason, message: "" };
    return JSON.stringify({ v: 1, ...answer });
  });
  await world.time.advance(10);
  await serving;
  const runners = scriptedRunners();
  const worker = workerWith({
    bus: bus.client("worker"),
    world,
    compileSelect: compileExpression,
    startRunner: runners.start,
  });
  void worker.start();
  await world.time.advance(10);
  const runner = (index: number): ScriptedRunner => {
    const found = runners.all[index];
    if (found === undefined) throw new Error(`there is no runner ${index}`);
    return found;
  };
  if (of.loaded !== false) runner(0).load("code1");
  await world.time.advance(10);
  const pushText = async (id: string, body: string): Promise<void> => {
    void bus.queue.push([{ id, subject: taskSubject, body }]);
    await world.time.advance(50);
  };
  const push = (task: Task): Promise<void> => pushText(task.id, JSON.stringify(task));
  const olderFor = (answers: number): void => void (older = answers);
  const asleepFor = (requests: number): void => void (asleep = requests);
  const slowBy = (ms: number): void => void (slowMs = ms);
  return { world, bus, runners, worker, told, refuses, push, pushText, runner, olderFor, asleepFor, slowBy };
}

async function queued(of: House): Promise<number> {
  const depth = of.bus.queue.depth();
  await of.world.time.advance(10);
  return (await depth).reduce((sum, { waiting, leased }) => sum + waiting + leased, 0);
}

test("a task is called, its result reported with the code that ran it, then it is acknowledged", async () => {
  const all = await house();
  await all.push(taskOf());
  expect(all.runner(0).calls).toMatchObject([
    { call: { name: "work.go", input: { n: 1 }, callId: `${run}:s0` } },
  ]);
  expect(await queued(all)).toBe(1);
  all.runner(0).calls[0]?.end(ended({ output: 7 }));
  await all.world.time.advance(50);
  expect(all.told).toMatchObject([
    {
      kind: "result",
      step: "s0",
      attempt: 1,
      code: "code1",
      outcome: { kind: "succeeded", output: { inline: 7 } },
    },
  ]);
  expect(await queued(all)).toBe(0);
});

test("a task that was handed out before is passed on to the run and not called", async () => {
  const all = await house();
  await all.push(taskOf());
  all.bus.faults.repeatDelivery(taskOf().id);
  // The first holder is gone: a second worker gets the task when the lease has ended.
  all.bus.faults.crash("worker");
  const second = await secondWorker(all);
  await all.world.time.advance(leaseMs * 3);
  expect(second.all[0]?.calls).toEqual([]);
  expect(all.told).toMatchObject([
    { kind: "redelivered", step: "s0", attempt: 1, delivery: expect.any(Number) },
  ]);
  expect(await queued(all)).toBe(0);
});

async function secondWorker(all: House): Promise<ScriptedRunners> {
  const runners = scriptedRunners();
  const worker = workerWith({
    bus: all.bus.client("second"),
    world: all.world,
    worker: parseId("worker", "second"),
    pid: 2,
    compileSelect: compileExpression,
    startRunner: runners.start,
  });
  void worker.start();
  await all.world.time.advance(10);
  runners.all[0]?.load("code1");
  return runners;
}

test("an irreversible call is announced first and begins only when that was accepted", async () => {
  const all = await house();
  await all.push(taskOf({ effect: "irreversible" }));
  expect(all.told).toMatchObject([{ kind: "started", step: "s0", attempt: 1 }]);
  expect(all.runner(0).calls).toHaveLength(1);
  all.refuses.set("started", "attempt_unknown");
  await all.push(taskOf({ effect: "irreversible" }, 1));
  expect(all.runner(0).calls).toHaveLength(1);
  expect(await queued(all)).toBe(1);
});

test("an irreversible call that an earlier life of the worker began is passed on", async () => {
  const all = await house();
  all.refuses.set("started", "attempt_taken");
  await all.push(taskOf({ effect: "irreversible" }));
  expect(all.runner(0).calls).toEqual([]);
  expect(all.told).toMatchObject([{ kind: "started" }, { kind: "redelivered", step: "s0", attempt: 1 }]);
  expect(await queued(all)).toBe(0);
});

test("an irreversible call does not begin on an answer that was slept through", async () => {
  const all = await house();
  all.slowBy(1_500);
  await all.push(taskOf({ effect: "irreversible" }));
  all.slowBy(0);
  // Meanwhile the attempt was given up, and the step is somebody else's.
  all.refuses.set("started", "attempt_unknown");
  await all.world.time.advance(3_000);
  expect(all.told).toMatchObject([{ kind: "started" }, { kind: "started" }]);
  expect(new Set(all.told.map(({ id }) => id)).size).toBe(1);
  expect(all.runner(0).calls).toEqual([]);
  expect(await queued(all)).toBe(0);
});

test("a late call that writes is asked after: what is on record is not done again", async () => {
  // An owner that slept sent it when it woke: another had sent it meanwhile, and it was done.
  const all = await house();
  await all.world.time.advance(workerLimits.lateTaskMs);
  const at = instant(all.world.clock.now());
  all.refuses.set("started", "attempt_unknown");
  await all.push(taskOf({ effect: "write" }));
  expect(all.told).toMatchObject([{ kind: "started", step: "s0", attempt: 1 }]);
  expect(all.runner(0).calls).toEqual([]);
  expect(await queued(all)).toBe(0);
  await all.push(taskOf({ effect: "write", at }, 1));
  expect(all.told).toHaveLength(1);
  expect(all.runner(0).calls).toHaveLength(1);
});

test("a late call that writes is made when its attempt is open, passed on when it was begun", async () => {
  const all = await house();
  await all.world.time.advance(workerLimits.lateTaskMs);
  await all.push(taskOf({ effect: "write" }));
  expect(all.told).toMatchObject([{ kind: "started", step: "s0", attempt: 1 }]);
  expect(all.runner(0).calls).toHaveLength(1);
  all.refuses.set("started", "attempt_taken");
  await all.push(taskOf({ effect: "write" }, 1));
  expect(all.told.slice(1)).toMatchObject([{ kind: "started" }, { kind: "redelivered", step: "s1" }]);
  expect(all.runner(0).calls).toHaveLength(1);
});

test("what may be repeated freely is not asked after, however late it comes", async () => {
  const all = await house();
  await all.world.time.advance(workerLimits.lateTaskMs);
  await all.push(taskOf({ effect: "read" }));
  await all.push(taskOf({ effect: "pure" }, 1));
  expect(all.told).toEqual([]);
  expect(all.runner(0).calls).toHaveLength(2);
});

test("two lives of one worker announce themselves under two names", async () => {
  const names: unknown[] = [];
  for (const seed of [1, 2]) {
    const all = await house({ seed });
    await all.push(taskOf({ effect: "irreversible" }));
    names.push(...all.told.map((input) => (input.kind === "started" ? input.worker : "")));
  }
  expect(names).toEqual([expect.stringMatching(/^test-/), expect.stringMatching(/^test-/)]);
  expect(new Set(names).size).toBe(2);
});

test("a task that was taken back is asked to stop and is not reported", async () => {
  const all = await house();
  await all.push(taskOf());
  void all.bus.queue.revoke([taskOf().id]);
  await all.world.time.advance(50);
  expect(all.runner(0).calls[0]?.stops).toEqual(["the task was taken back"]);
  await all.world.time.advance(workerLimits.stopGraceMs + workerLimits.sweepMs * 3);
  expect(all.runner(0).killed).toBe("a cancelled call would not stop");
  expect(all.told).toEqual([]);
  expect(all.worker.inFlight).toBe(0);
});

test("leases are kept for as long as a call takes", async () => {
  const all = await house();
  await all.push(taskOf({ timeoutMs: leaseMs * 20 }));
  await all.world.time.advance(leaseMs * 10);
  all.runner(0).calls[0]?.end(ended({ output: 1 }));
  await all.world.time.advance(50);
  expect(all.told).toMatchObject([{ kind: "result", outcome: { kind: "succeeded" } }]);
});

test("a call over its time is asked to stop, and its failure says so", async () => {
  const all = await house();
  await all.push(taskOf({ timeoutMs: 500 }));
  await all.world.time.advance(500 + workerLimits.sweepMs);
  const [call] = all.runner(0).calls;
  expect(call?.stops).toEqual(["timeout"]);
  call?.end(ended({ failure: { code: "aborted", message: "stopped" } }));
  await all.world.time.advance(50);
  expect(all.runner(0).killed).toBeUndefined();
  expect(all.told).toMatchObject([{ outcome: { kind: "failed", failure: { code: "timeout" } } }]);
});

test("a call that will not stop costs its runner after the grace; its neighbours are lost", async () => {
  const all = await house();
  await all.push(taskOf({ timeoutMs: 500 }));
  await all.push(taskOf({}, 1));
  await all.world.time.advance(500 + workerLimits.stopGraceMs - workerLimits.sweepMs * 2);
  expect(all.runner(0).killed).toBeUndefined();
  await all.world.time.advance(workerLimits.sweepMs * 4);
  expect(all.runner(0).killed).toBe("timeout of another call");
  expect(all.told).toMatchObject([
    {
      step: "s0",
      outcome: {
        kind: "failed",
        failure: { code: "timeout", message: expect.stringMatching(/timeout of 500ms, nor did it stop/) },
      },
    },
    { step: "s1", outcome: { kind: "lost", reason: "timeout of another call" } },
  ]);
  expect(all.runners.all).toHaveLength(2);
});

test("a drained worker takes nothing more and waits for what it has", async () => {
  const all = await house();
  await all.push(taskOf());
  const drained = all.worker.drain(2_000);
  await all.push(taskOf({}, 1));
  expect(all.runner(0).calls).toHaveLength(1);
  all.runner(0).calls[0]?.end(ended({ output: 1 }));
  await all.world.time.advance(100);
  expect(await drained).toBe(0);
});

test("what does not end while a worker drains is counted", async () => {
  const all = await house();
  await all.push(taskOf());
  const drained = all.worker.drain(2_000);
  await all.world.time.advance(2_100);
  expect(await drained).toBe(1);
});

test("after a reload new tasks go to the new code, and what was in flight ends on the old", async () => {
  const all = await house();
  await all.push(taskOf());
  const reload = all.worker.reload();
  await all.world.time.advance(10);
  all.runner(1).load("code2");
  await all.world.time.advance(10);
  expect(await reload).toMatchObject({
    outcome: "loaded",
    onOldCode: [{ run, step: "s0", uses: "tool:work.go" }],
  });
  expect(all.runner(0)).toMatchObject({ retired: true, killed: undefined });
  await all.push(taskOf({}, 1));
  expect(all.runner(1).calls).toHaveLength(1);
  all.runner(0).calls[0]?.end(ended({ output: "old" }));
  await all.world.time.advance(50);
  all.runner(1).calls[0]?.end(ended({ output: "new" }));
  await all.world.time.advance(50);
  expect(all.told).toMatchObject([
    { step: "s0", code: "code1", outcome: { output: { inline: "old" } } },
    { step: "s1", code: "code2", outcome: { output: { inline: "new" } } },
  ]);
});

test("code that does not load leaves the old runner serving", async () => {
  const all = await house();
  const reload = all.worker.reload();
  await all.world.time.advance(10);
  all.runner(1).breakWith({ message: "not today", file: "tools/work.ts", line: 3 });
  await all.world.time.advance(10);
  expect(await reload).toMatchObject({ outcome: "broken", problem: { line: 3 } });
  expect(all.runner(1).killed).toBe("broken");
  await all.push(taskOf());
  expect(all.runner(0).calls).toHaveLength(1);
});

test("while no code is loaded no task is taken, and the worker's row says why", async () => {
  const all = await house({ loaded: false });
  all.runner(0).breakWith({ message: "not today" });
  await all.push(taskOf());
  expect(all.worker.inFlight).toBe(0);
  const row = all.bus.table.get("worker.default.test");
  await all.world.time.advance(50);
  expect(JSON.parse((await row)?.value ?? "{}")).toMatchObject({
    state: "broken",
    problem: { message: "not today" },
  });
  const reload = all.worker.reload();
  await all.world.time.advance(10);
  all.runner(1).load("code2");
  await all.world.time.advance(100);
  await reload;
  expect(all.runner(1).calls).toHaveLength(1);
});

test("broken code is told with the code that serves on, and without it once that is gone", async () => {
  const all = await house();
  const broken = async (runner: number, message: string) => {
    all.runner(runner).breakWith({ message });
    await all.world.time.advance(50);
    return JSON.parse((await rowOf(all)) ?? "{}");
  };
  void all.worker.reload();
  await all.world.time.advance(10);
  expect(await broken(1, "not today")).toMatchObject({ state: "broken", manifest: { code: "code1" } });
  all.runner(0).die("killed");
  await all.world.time.advance(50);
  const gone = await broken(2, "not now");
  expect(gone).toMatchObject({ state: "broken", problem: { message: "not now" } });
  expect(gone).not.toHaveProperty("manifest");
});

test("a row that could not be written is written again at once: bad moments cost no beat", async () => {
  const all = await house();
  for (let beat = 1; beat <= 4; beat++) {
    all.bus.faults.failNext("table_put", "before");
    await all.world.time.advance(presenceEveryMs);
    const { seenAt } = JSON.parse((await rowOf(all)) ?? "{}");
    expect(all.world.clock.now() - unixMs(seenAt)).toBeLessThan(1.5 * presenceEveryMs);
  }
});

async function rowOf(all: House): Promise<string | undefined> {
  const row = all.bus.table.get("worker.default.test");
  await all.world.time.advance(50);
  return (await row)?.value;
}

test("an irreversible call that timed out is lost, not failed: nobody knows if it was done", async () => {
  const all = await house();
  await all.push(taskOf({ effect: "irreversible", timeoutMs: 500 }));
  await all.world.time.advance(700);
  all.runner(0).calls[0]?.end(ended({ failure: { code: "abort_error", message: "aborted" } }));
  await all.world.time.advance(100);
  expect(all.told.at(-1)).toMatchObject({
    step: "s0",
    outcome: { kind: "lost", reason: "timeout: no answer within its timeout of 500ms" },
  });
});

test("a replacement that dies while it loads is itself replaced, without anybody's help", async () => {
  const all = await house();
  all.runner(0).die("runner_exited: SIGKILL");
  await all.world.time.advance(10);
  all.runner(1).die("runner_not_started: spawn EAGAIN");
  await all.world.time.advance(200);
  all.runner(2).die("runner_not_started: spawn EAGAIN");
  await all.world.time.advance(1_000);
  all.runner(3).load("code1");
  await all.push(taskOf());
  expect(all.runner(3).calls).toHaveLength(1);
  expect(all.runners.all).toHaveLength(4);
});

test("a runner that dies is replaced, its calls are lost, and what comes meanwhile waits", async () => {
  const all = await house();
  await all.push(taskOf());
  all.runner(0).die("runner_exited: SIGKILL");
  await all.world.time.advance(50);
  expect(all.told).toMatchObject([
    { step: "s0", outcome: { kind: "lost", reason: "runner_exited: SIGKILL" } },
  ]);
  await all.push(taskOf({}, 1));
  all.runner(1).load("code1");
  await all.world.time.advance(50);
  expect(all.runner(1).calls).toMatchObject([{ call: { step: "s1" } }]);
});

test("a runner that keeps dying is started ever more slowly, and never given up", async () => {
  const all = await house();
  for (let i = 0; i < 6; i++) {
    all.runner(i).die("runner_exited: code 1");
    await all.world.time.advance(5_100);
    all.runner(i + 1).load("code1");
    await all.world.time.advance(10);
  }
  all.runner(6).die("runner_exited: code 1");
  await all.world.time.advance(1_000);
  expect(all.runners.all).toHaveLength(7);
  await all.world.time.advance(5_000);
  expect(all.runners.all).toHaveLength(8);
});

test("a task that cannot be read is buried with the reason and never called", async () => {
  const all = await house();
  void all.bus.queue.push([{ id: taskOf().id, subject: taskSubject, body: `{"v":1,"kind":"task"}` }]);
  await all.world.time.advance(100);
  const dead = all.bus.log.read(subjects.dead({ tenant: defaultTenant, pool: defaultPool }));
  await all.world.time.advance(10);
  expect((await dead).map(({ body }) => JSON.parse(body))).toMatchObject([{ reason: "not_a_task" }]);
  expect(all.runner(0).calls).toEqual([]);
  expect(await queued(all)).toBe(0);
});

test("stored values are resolved before the call, at the top and inside", async () => {
  const all = await house();
  const text = `{"big":true}`;
  const key = `${defaultTenant}/${run}/${hash("sha256", text)}`;
  void all.bus.blobs.put(key, new TextEncoder().encode(text));
  await all.world.time.advance(10);
  await all.push(taskOf({ with: { blob: key, bytes: 12 } }));
  await all.push(taskOf({ with: { inline: { at: [{ [blobRefKey]: { blob: key, bytes: 12 } }] } } }, 1));
  expect(all.runner(0).calls.map(({ call }) => call.input)).toMatchObject([
    { big: true },
    { at: [{ big: true }] },
  ]);
});

test("a stored value of another tenant is refused, and the call never begins", async () => {
  const all = await house();
  await all.push(taskOf({ with: { blob: `other/${run}/${"a".repeat(64)}`, bytes: 1 } }));
  expect(all.runner(0).calls).toEqual([]);
  expect(all.told).toMatchObject([{ outcome: { kind: "failed", failure: { code: "forbidden" } } }]);
});

test("a big output is stored before it is named, and what control flow needs of it is selected", async () => {
  const all = await house();
  await all.push(taskOf({ select: "output.size" }));
  const text = JSON.stringify({ size: 3, rest: "x".repeat(100_000) });
  const sha256 = hash("sha256", text);
  const bytes = Buffer.byteLength(text);
  all.runner(0).calls[0]?.end({ kind: "big", text, sha256, bytes, startedAt: instant(0), ms: 1 });
  await all.world.time.advance(100);
  const blob = `${defaultTenant}/${run}/${sha256}`;
  expect(all.told).toMatchObject([{ outcome: { kind: "succeeded", output: { blob, bytes }, selected: 3 } }]);
  const stored = all.bus.blobs.get(blob);
  await all.world.time.advance(10);
  expect(new TextDecoder().decode(await stored)).toBe(text);
});

test("a select that fails fails the step, and is not retried", async () => {
  const all = await house();
  await all.push(taskOf({ select: "output.gone.deeper" }));
  all.runner(0).calls[0]?.end(ended({ output: {} }));
  await all.world.time.advance(50);
  expect(all.told).toMatchObject([
    { outcome: { kind: "failed", failure: { code: "select_failed" }, retryable: false } },
  ]);
});

test("a report without an answer is repeated under the same id until there is one", async () => {
  const all = await house();
  await all.push(taskOf());
  all.bus.faults.failNext("request", "after", { client: "worker" });
  all.runner(0).calls[0]?.end(ended({ output: 1 }));
  await all.world.time.advance(15_000);
  expect(all.told).toHaveLength(2);
  expect(all.told[0]?.id).toBe(all.told[1]?.id);
  expect(await queued(all)).toBe(0);
});

test("a report to an owner that sleeps is repeated in seconds: another may have the shard", async () => {
  const all = await house();
  all.asleepFor(2);
  await all.push(taskOf());
  all.runner(0).calls[0]?.end(ended({ output: 1 }));
  await all.world.time.advance(6_000);
  expect(all.told.map(({ kind }) => kind)).toEqual(["result"]);
});

/** What the worker's rows said it was busy with, each time that one was written. */
function rowsOf(all: House): string[][] {
  const rows: string[][] = [];
  void (async () => {
    for await (const changes of all.bus.table.watch("worker.", new AbortController().signal)) {
      for (const { value } of changes) {
        const row: WorkerPresence = JSON.parse(value ?? "{}");
        rows.push((row.busy ?? []).map(({ step }) => step));
      }
    }
  })();
  return rows;
}

test("an attempt that lasts is in the worker's row within a fifth of a second", async () => {
  const all = await house();
  await all.world.time.advance(2_100);
  const rows = rowsOf(all);
  await all.push(taskOf());
  await all.world.time.advance(200);
  expect(rows.at(-1)).toEqual(["s0"]);
});

test("short attempts cost no row, and long ones at most one in a tenth of a second", async () => {
  const all = await house();
  await all.world.time.advance(50);
  const rows = rowsOf(all);
  for (let n = 0; n < 100; n++) {
    void all.bus.queue.push([
      { id: taskOf({}, n).id, subject: taskSubject, body: JSON.stringify(taskOf({}, n)) },
    ]);
    await all.world.time.advance(20);
    all.runner(0).calls[n]?.end(ended({ output: n }));
    await all.world.time.advance(20);
  }
  // Four seconds: the row that was there, and those of each other second.
  expect(all.runner(0).calls.length).toBe(100);
  expect(rows.length).toBeLessThanOrEqual(4);
  const before = rows.length;
  for (let n = 100; n < 104; n++) {
    void all.bus.queue.push([
      { id: taskOf({}, n).id, subject: taskSubject, body: JSON.stringify(taskOf({}, n)) },
    ]);
    await all.world.time.advance(10);
  }
  await all.world.time.advance(1_000);
  expect(rows.length - before).toBeLessThanOrEqual(3);
  expect(rows.at(-1)?.length).toBe(4);
});

test.each([
  ["an output", { kind: "output" as const, output: "x".repeat(2_000_000) }],
  ["a tunnel", { kind: "output" as const, output: JSON.parse(`${"[".repeat(3_000)}${"]".repeat(3_000)}`) }],
  ["a failure", { kind: "failed" as const, failure: { code: "e", message: "x".repeat(2_000_000) } }],
])(
  "%s that is too long to be recorded fails its attempt, instead of being reported for ever",
  async (_, end) => {
    // Code in a runner can say what a runner would not.
    const all = await house();
    await all.push(taskOf());
    all.runner(0).calls[0]?.end({ ...end, startedAt: instant(0), ms: 1 });
    await all.world.time.advance(200);
    expect(all.told).toMatchObject([
      { kind: "result", outcome: { kind: "failed", retryable: false, failure: { code: "limit_exceeded" } } },
    ]);
    expect(await queued(all)).toBe(0);
  },
);

test("a worker whose code defines more than its row holds is known without the schemas", async () => {
  const all = await house({ loaded: false });
  const input = { type: "object", description: "x".repeat(4_000) };
  const tools = Array.from({ length: 100 }, (_, n) => ({
    name: `work.go${n}`,
    description: "d",
    effect: "pure" as const,
    file: "tools/work.ts",
    input,
  }));
  all.runner(0).loadAs({ v: 1, kind: "manifest", code: "code1", tools, agents: [], workflows: [] });
  await all.world.time.advance(200);
  const rows = all.bus.table.list("worker.");
  await all.world.time.advance(50);
  const row: WorkerPresence = JSON.parse((await rows)[0]?.value ?? "{}");
  expect(row).toMatchObject({ state: "ready", manifest: { code: "code1" } });
  expect(row.manifest?.tools).toHaveLength(100);
  expect(row.manifest?.tools[0]).not.toHaveProperty("input");
});

/** Tasks as control planes of earlier releases wrote them, and how those answered. */
const histories = new URL("../../protocol/histories/", import.meta.url);

test.each(readdirSync(histories))("tasks of %s are carried out, its answers understood", async (release) => {
  const text = readFileSync(new URL(`${release}/records.json`, histories), "utf8");
  const { tasks }: { tasks: readonly Task[] } = JSON.parse(text);
  for (const task of tasks) {
    const all = await house({ run: task.run });
    await all.push(task);
    expect(all.runner(0).calls).toMatchObject([
      { call: { name: task.uses.kind === "tool" ? task.uses.name : "" } },
    ]);
    all.runner(0).calls[0]?.end(ended({ output: 7 }));
    await all.world.time.advance(50);
    expect(all.told).toMatchObject([{ kind: "result", step: task.step, attempt: task.attempt }]);
    expect(await queued(all)).toBe(0);
  }
});

test("a task of a newer version is given back, again and again, and is not buried", async () => {
  const all = await house();
  await all.pushText(taskOf().id, JSON.stringify({ ...taskOf(), v: 2 }));
  await all.world.time.advance(workerLimits.newerReleaseMs * 5);
  expect(all.runner(0).calls).toEqual([]);
  expect(all.told).toEqual([]);
  expect(await queued(all)).toBe(1);
  const dead = all.bus.log.head(prefixes.dead);
  await all.world.time.advance(10);
  expect(await dead).toBe(0);
});

test("a report that an older control plane does not know is kept and told again until one does", async () => {
  const all = await house();
  all.olderFor(3);
  await all.push(taskOf());
  all.runner(0).calls[0]?.end(ended({ output: 7 }));
  await all.world.time.advance(5_000);
  expect(all.told.map(({ kind }) => kind)).toEqual(["result"]);
  expect(await queued(all)).toBe(0);
});
