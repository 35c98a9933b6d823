import {
  defaultPool,
  defaultTenant,
  devBuild,
  instant,
  parseId,
  type RunEvent,
  type RunId,
  type StepDefinition,
  type WorkerPresence,
} from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { Engine } from "../engine.ts";
import { Kit } from "../orchestrator/fixtures/engine-kit.ts";

const one: Record<string, StepDefinition> = { a: { uses: "tool:t.echo", with: { x: "${input.x}" } } };

let kit: Kit;
afterEach(() => kit.close());

async function started(count: number): Promise<{ engine: Engine; runs: readonly RunId[] }> {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", one);
  const runs: RunId[] = [];
  for (let x = 0; x < count; x++) {
    const body = kit.body("one", { x });
    await kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 0 }));
    runs.push(parseId("run", body.run));
  }
  return { engine, runs };
}

/** A worker says that it has attempt 1 of the run's step, and is never heard of again. */
async function holds(worker: string, run: RunId): Promise<string> {
  const at = instant(kit.world.clock.now());
  const row: WorkerPresence = {
    v: 1,
    kind: "worker",
    worker: parseId("worker", worker),
    tenant: defaultTenant,
    pool: defaultPool,
    build: devBuild,
    slots: 4,
    host: "here",
    pid: 1,
    state: "ready",
    since: at,
    seenAt: at,
    busy: [{ run, step: parseId("step instance", "a"), attempt: 1, uses: "tool:t.echo", since: at }],
  };
  const key = `worker.${defaultTenant}.${worker}`;
  await kit.drive(kit.bus.table.put(key, JSON.stringify(row), { expect: "any" }));
  return at;
}

async function toldOf(engine: Engine, run: RunId): Promise<RunEvent[]> {
  const { events } = await kit.drive(engine.runs.events(defaultTenant, run, {}));
  return events.flatMap(({ event }) => (event.kind === "task_resent" ? [event] : []));
}

test("after a kill of everything the history says who had the attempt; it goes on under its id", async () => {
  const { runs } = await started(1);
  const [run = parseId("run", "")] = runs;
  const stuck = kit.worker({ name: "w1", script: () => undefined });
  await kit.pass(100);
  const [sent] = stuck.seen;
  const at = await holds("w1", run);
  await kit.pass(500);
  stuck.stop();
  kit.bus.faults.restart({ data: "kept", kind: "kill" });
  const engine = await kit.engine("engine-2");
  await kit.pass(200);
  const { reasons } = await kit.drive(engine.runs.why(defaultTenant, run));
  expect(reasons[0]).toMatchObject({ reason: "queue_wait", step: "a" });
  expect(reasons[0]?.message).toMatch(/interrupted while w1 had it/);
  const second = kit.worker({ name: "w2" });
  expect(await kit.drive(engine.runs.wait(defaultTenant, run, { waitMs: 20_000 }))).toMatchObject({
    status: "completed",
  });
  expect(second.seen.map(({ id, attempt }) => [id, attempt])).toEqual([[sent?.id, 1]]);
  const told = await toldOf(engine, run);
  expect(told).toMatchObject([{ attempt: 1, holder: { worker: "w1", startedAt: at, seenAt: at } }]);
  const view = await kit.drive(engine.runs.get(defaultTenant, run));
  expect(view.steps[0]?.attempts).toMatchObject([{ outcome: "succeeded", interruptions: [{}] }]);
});

test("of tasks that were never with the queue nothing is told, however many wait", async () => {
  const { runs } = await started(30);
  await kit.pass(2_500);
  kit.bus.faults.restart({ data: "kept", kind: "kill" });
  const engine = await kit.engine("engine-2");
  await kit.pass(500);
  const told = await Promise.all(runs.map((run) => toldOf(engine, run)));
  // Sixteen are released to a pool without workers.
  expect(told.filter(({ length }) => length === 1).length).toBe(16);
  expect(told.filter(({ length }) => length === 0).length).toBe(14);
});

test("an owner that comes back to a queue that still has its tasks tells nothing", async () => {
  const { runs } = await started(3);
  await kit.pass(2_500);
  kit.bus.faults.crash("engine-1");
  const engine = await kit.engine("engine-2");
  await kit.pass(500);
  for (const run of runs) expect(await toldOf(engine, run)).toEqual([]);
});

test("each loss is told once, also when the queue alone restarts", async () => {
  const { engine, runs } = await started(3);
  await kit.pass(1_500);
  for (let count = 1; count <= 3; count++) {
    kit.bus.faults.restartQueue();
    await kit.pass(3_000);
    for (const run of runs) expect((await toldOf(engine, run)).length).toBe(count);
  }
});

test("a notice that the log did not take at first is told once none the less", async () => {
  const { runs } = await started(1);
  const [run = parseId("run", "")] = runs;
  await kit.pass(2_500);
  kit.bus.faults.restart({ data: "kept", kind: "kill" });
  kit.bus.faults.failNext("append", "after", { client: "engine-2" });
  kit.bus.faults.failNext("append", "before", { client: "engine-2" });
  const engine = await kit.engine("engine-2");
  await kit.pass(3_000);
  expect((await toldOf(engine, run)).length).toBe(1);
});
