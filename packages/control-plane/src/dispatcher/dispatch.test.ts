import { defaultTenant, parseId, type StepDefinition, type Task } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { Engine } from "../engine.ts";
import { Kit } from "../orchestrator/fixtures/engine-kit.ts";

const one: Record<string, StepDefinition> = { a: { uses: "tool:t.echo", with: { x: "${input.x}" } } };
const [red, blue] = [parseId("tenant", "red"), parseId("tenant", "blue")];

let kit: Kit;
afterEach(() => kit.close());

async function registerFor(engine: Engine, tenant: typeof red): Promise<void> {
  const definition = { apiVersion: "agentflow.dev/v1", kind: "Workflow", name: "one", steps: one } as const;
  await kit.drive(engine.registry.register(tenant, { definition, strict: false }));
}

test("two tenants that share a worker take turns, however much one of them asked for first", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine("engine-1", { releaseWithoutWorkers: 0 });
  for (const tenant of [red, blue]) await registerFor(engine, tenant);
  const start = async (tenant: typeof red): Promise<void> => {
    await kit.drive(engine.runs.start(tenant, kit.body("one", { x: 1 }), { waitMs: 0 }));
  };
  for (let n = 0; n < 20; n++) await start(red);
  for (let n = 0; n < 4; n++) await start(blue);
  const order: string[] = [];
  const script = (task: Task) => {
    order.push(task.tenant);
    return { kind: "succeeded", output: task.with } as const;
  };
  // One worker with one slot, known under both tenants.
  kit.worker({ name: "shared", tenant: red, slots: 1, script, takesMs: 10 });
  kit.worker({ name: "shared", tenant: blue, slots: 1, script, takesMs: 10 });
  await kit.pass(5_000);
  expect(order.length).toBe(24);
  // Blue came last and waits for at most one of red's tasks at a time.
  expect(order.slice(0, 10).filter((tenant) => tenant === "blue").length).toBe(4);
});

test("without any worker a few tasks are released, so that the first one finds work", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", one);
  for (let x = 0; x < 30; x++) {
    await kit.drive(engine.runs.start(defaultTenant, kit.body("one", { x }), { waitMs: 0 }));
  }
  await kit.pass(100);
  expect((await kit.drive(engine.status())).backlog).toMatchObject([
    { outstanding: 16, waiting: 14, slots: 0 },
  ]);
});

test("a queue that forgot everything gets the open tasks again under their old ids", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", one);
  const bodies = Array.from({ length: 5 }, (_, x) => kit.body("one", { x }));
  for (const body of bodies) await kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 0 }));
  await kit.pass(2_500);
  kit.bus.faults.restartQueue();
  await kit.pass(2_500);
  const worker = kit.worker();
  const ends = bodies.map(({ run }) =>
    engine.runs.wait(defaultTenant, parseId("run", run), { waitMs: 20_000 }),
  );
  const answers = await kit.drive(Promise.all(ends));
  expect(answers.every(({ status }) => status === "completed")).toBe(true);
  expect(worker.seen.length).toBe(5);
});

test("an engine that follows another sends nothing again that the watermark says the queue has", async () => {
  kit = new Kit(1, { polite: true });
  const first = await kit.engine("engine-1");
  await kit.register(first, "one", one);
  const bodies = Array.from({ length: 5 }, (_, x) => kit.body("one", { x }));
  for (const body of bodies) await kit.drive(first.runs.start(defaultTenant, body, { waitMs: 0 }));
  await kit.pass(2_500);
  kit.bus.faults.crash("engine-1");
  for (let n = 0; n < 10; n++) kit.bus.faults.failNext("push", "before", { client: "engine-2" });
  const second = await kit.engine("engine-2");
  kit.worker();
  const ends = bodies.map(({ run }) =>
    second.runs.wait(defaultTenant, parseId("run", run), { waitMs: 20_000 }),
  );
  expect((await kit.drive(Promise.all(ends))).every(({ status }) => status === "completed")).toBe(true);
  // Not one push was tried: the planned faults are all still there for this one.
  const push = kit.bus.client("engine-2").queue.push([]);
  await expect(kit.drive(push)).rejects.toMatchObject({ code: "unavailable" });
});

test("why names the place in the backlog, the missing worker and the run that has ended", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine("engine-1", { releaseWithoutWorkers: 1 });
  await kit.register(engine, "one", one);
  const bodies = Array.from({ length: 3 }, (_, x) => kit.body("one", { x }));
  for (const body of bodies) await kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 0 }));
  const last = parseId("run", bodies[2]?.run);
  const before = await kit.drive(engine.runs.why(defaultTenant, last));
  expect(before).toMatchObject({ status: "running", reasons: [{ reason: "no_worker", step: "a" }] });
  kit.worker();
  const ended = await kit.drive(engine.runs.wait(defaultTenant, last, { waitMs: 20_000 }));
  const after = await kit.drive(engine.runs.why(defaultTenant, last));
  expect(after).toMatchObject({ status: ended.status, reasons: [{ reason: "completed" }] });
});

test("a run is shown with its steps, attempts and a big input whole, to its own tenant alone", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", { a: { uses: "tool:t.echo", with: {} } }, { output: "ok" });
  kit.worker({ name: "w" });
  const text = "x".repeat(100_000);
  const body = kit.body("one", { text });
  await kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 20_000 }));
  const view = await kit.drive(engine.runs.get(defaultTenant, parseId("run", body.run)));
  expect(view).toMatchObject({ input: { text }, output: "ok", status: "completed" });
  expect(view.steps).toMatchObject([
    {
      step: "a",
      uses: "tool:t.echo",
      status: "succeeded",
      attempts: [{ attempt: 1, worker: "w", outcome: "succeeded" }],
    },
  ]);
  const other = engine.runs.get(red, parseId("run", body.run));
  await expect(kit.drive(other)).rejects.toMatchObject({ code: "not_found" });
});

test("while the queue takes nothing back, tasks go out to everybody as ever", async () => {
  kit = new Kit(1, { polite: true });
  // Who pauses at all, pauses for as good as ever.
  const engine = await kit.engine("engine-1", { pushRetryMs: 600_000 });
  await kit.register(engine, "one", one);
  const hung = kit.body("one", { x: 0 });
  await kit.drive(engine.runs.start(defaultTenant, hung, { waitMs: 0 }));
  await kit.pass(100);
  kit.bus.faults.failNext("revoke", "before", { client: "engine-1" });
  await kit.drive(engine.runs.cancel(defaultTenant, parseId("run", hung.run), { input: "c" }));
  await kit.pass(100);
  kit.worker();
  const { status } = await kit.drive(
    engine.runs.start(defaultTenant, kit.body("one", { x: 1 }), { waitMs: 20_000 }),
  );
  expect(status).toBe("completed");
});
