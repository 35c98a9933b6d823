import { type Commit, defaultTenant, parseId, prefixes, type StepDefinition } from "@agentflow/protocol";
import { afterEach, describe, expect, test } from "vitest";
import { failing, Kit, type Script } from "./fixtures/engine-kit.ts";
import { runSubject } from "./shard.ts";

const tenant = defaultTenant;
const one: Record<string, StepDefinition> = { a: { uses: "tool:t.echo", with: { x: "${input.x}" } } };
const chain: Record<string, StepDefinition> = {
  a: { uses: "tool:t.echo", with: { x: "${input.x}" } },
  b: { uses: "tool:t.echo", with: { x: "${steps.a.output.x}" } },
  c: { uses: "tool:t.echo", with: { x: "${steps.b.output.x}" } },
};
const fan: Record<string, StepDefinition> = {
  all: { uses: "tool:t.echo", forEach: { in: "input.items", maxParallel: 100 }, with: { i: "${item}" } },
};

let kit: Kit;
afterEach(() => kit.close());

const weathers = [
  { name: "polite", seed: 1, polite: true },
  ...[1, 2, 3].map((seed) => ({ name: `nasty, seed ${seed}`, seed, polite: false })),
];

describe.each(weathers)("on a bus in memory ($name)", ({ seed, polite }) => {
  test("a run of one step ends with its worker's output", async () => {
    kit = new Kit(seed, { polite });
    const engine = await kit.engine();
    await kit.register(engine, "one", one, { output: { y: "${steps.a.output.x}" } });
    kit.worker();
    const body = kit.body("one", { x: 7 });
    const answer = await kit.drive(engine.runs.start(tenant, body, { waitMs: 60_000 }));
    expect(answer).toMatchObject({ run: body.run, status: "completed", output: { y: 7 } });
    expect(answer.revision).toBeGreaterThan(0);
  });

  test("a chain hands each output to the next step", async () => {
    kit = new Kit(seed, { polite });
    const engine = await kit.engine();
    await kit.register(engine, "chain", chain, { output: "${steps.c.output.x}" });
    kit.worker();
    const answer = await kit.drive(
      engine.runs.start(tenant, kit.body("chain", { x: "v" }), { waitMs: 60_000 }),
    );
    expect(answer).toMatchObject({ status: "completed", output: "v" });
  });

  test("a fan of 100 items comes back whole and in order", async () => {
    kit = new Kit(seed, { polite });
    const engine = await kit.engine();
    await kit.register(engine, "fan", fan, { output: "${steps.all.output}" });
    kit.worker({ slots: 16 });
    const items = Array.from({ length: 100 }, (_, i) => i);
    const answer = await kit.drive(engine.runs.start(tenant, kit.body("fan", { items }), { waitMs: 60_000 }));
    expect(answer.output).toEqual(items.map((i) => ({ i })));
  });

  test("the same start again is a repeat with the same result, another body is a conflict", async () => {
    kit = new Kit(seed, { polite });
    const engine = await kit.engine();
    await kit.register(engine, "one", one, { output: "${steps.a.output.x}" });
    const worker = kit.worker();
    const body = kit.body("one", { x: 1 });
    const both = await kit.drive(
      Promise.all([1, 2, 3].map(() => engine.runs.start(tenant, body, { waitMs: 60_000 }))),
    );
    expect(both.map(({ output }) => output)).toEqual([1, 1, 1]);
    const late = await kit.drive(engine.runs.start(tenant, body, { waitMs: 60_000 }));
    expect(late).toMatchObject({ status: "completed", output: 1, repeated: true });
    const other = engine.runs.start(tenant, { ...body, input: { x: 2 } }, { waitMs: 0 });
    await expect(kit.drive(other)).rejects.toMatchObject({ code: "conflict" });
    expect(worker.seen.length).toBe(1);
  });

  test("the engine after one that was killed in the middle finishes everything once", async () => {
    kit = new Kit(seed, { polite });
    const first = await kit.engine("engine-1");
    await kit.register(first, "chain", chain, { output: "${steps.c.output.x}" });
    const worker = kit.worker({ takesMs: 20 });
    const bodies = Array.from({ length: 30 }, (_, x) => kit.body("chain", { x }));
    for (const body of bodies) void first.runs.start(tenant, body, { waitMs: 0 }).catch(() => undefined);
    await kit.pass(45);
    kit.bus.faults.crash("engine-1");
    const second = await kit.engine("engine-2");
    const ends = await kit.drive(
      Promise.all(bodies.map((body) => second.runs.start(tenant, body, { waitMs: 100_000 }))),
    );
    expect(ends.map(({ output }) => output)).toEqual(bodies.map((_, x) => x));
    for (const body of bodies) await checkHistory(body.run, ["a", "b", "c"]);
    expect(worker.seen.length).toBeGreaterThanOrEqual(90);
  });

  test("answers of appends that are lost change nothing", async () => {
    kit = new Kit(seed, { polite });
    const engine = await kit.engine();
    await kit.register(engine, "chain", chain, { output: "${steps.c.output.x}" });
    kit.worker();
    const bodies = Array.from({ length: 10 }, (_, x) => kit.body("chain", { x }));
    for (let n = 0; n < 12; n++) {
      kit.bus.faults.failNext("append", n % 3 === 0 ? "before" : "after", { client: "engine-1" });
    }
    const ends = await kit.drive(
      Promise.all(bodies.map((body) => engine.runs.start(tenant, body, { waitMs: 100_000 }))),
    );
    expect(ends.map(({ output }) => output)).toEqual(bodies.map((_, x) => x));
    for (const body of bodies) await checkHistory(body.run, ["a", "b", "c"]);
  });
});

test("a cancelled run ends at once and takes its task back", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", one);
  const body = kit.body("one", { x: 1 });
  const run = parseId("run", body.run);
  await kit.drive(engine.runs.start(tenant, body, { waitMs: 0 }));
  const ended = engine.runs.wait(tenant, run, { waitMs: 10_000 });
  await kit.drive(engine.runs.cancel(tenant, run, { input: "c-1", reason: "enough" }));
  expect(await kit.drive(ended)).toMatchObject({ status: "cancelled", failure: { message: "enough" } });
  const worker = kit.worker();
  await kit.pass(2_000);
  expect(worker.seen).toEqual([]);
  expect(
    (await kit.drive(kit.bus.queue.depth())).every(({ waiting, leased }) => waiting + leased === 0),
  ).toBe(true);
});

test("cancelling a run that does not exist is not_found and leaves no commit", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  const asked = engine.runs.cancel(tenant, kit.runId(), { input: "c-1" });
  await expect(kit.drive(asked)).rejects.toMatchObject({ code: "not_found" });
  expect(await kit.drive(kit.bus.log.head(prefixes.log))).toBe(0);
});

test("a failed attempt is tried again when its timer is due, and not before", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "flaky", { a: { uses: "tool:t.echo", retry: { max: 3, backoff: "10s" } } });
  const worker = kit.worker({ script: failing("boom", 1) });
  const ended = engine.runs.start(tenant, kit.body("flaky"), { waitMs: 60_000 });
  await kit.pass(5_000);
  expect(worker.seen.length).toBe(1);
  expect((await kit.drive(engine.status())).timers).toBe(1);
  expect(await kit.drive(ended)).toMatchObject({ status: "completed" });
  expect(worker.seen.map(({ attempt }) => attempt)).toEqual([1, 2]);
});

test("a retry that was due while no engine ran comes with the next engine", async () => {
  kit = new Kit(1, { polite: true });
  const first = await kit.engine("engine-1");
  await kit.register(first, "flaky", { a: { uses: "tool:t.echo", retry: { max: 2, backoff: "10s" } } });
  kit.worker({ script: failing("boom", 1) });
  const body = kit.body("flaky");
  await kit.drive(first.runs.start(tenant, body, { waitMs: 0 }));
  await kit.pass(1_000);
  kit.bus.faults.crash("engine-1");
  await kit.pass(60_000);
  const second = await kit.engine("engine-2");
  const answer = await kit.drive(second.runs.wait(tenant, parseId("run", body.run), { waitMs: 10_000 }));
  expect(answer.status).toBe("completed");
});

test("a run ends as failed when its own time is over", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", one, { timeout: "30s" });
  const answer = await kit.drive(engine.runs.start(tenant, kit.body("one", { x: 1 }), { waitMs: 60_000 }));
  expect(answer).toMatchObject({ status: "failed", failure: { code: "timeout" } });
  expect((await kit.drive(engine.status())).timers).toBe(0);
});

test("a wait that is over says how the run stands, and the run goes on", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", one);
  const body = kit.body("one", { x: 1 });
  const answer = await kit.drive(engine.runs.start(tenant, body, { waitMs: 500 }));
  expect(answer).toMatchObject({ status: "running" });
  kit.worker();
  const run = parseId("run", body.run);
  expect(await kit.drive(engine.runs.wait(tenant, run, { waitMs: 10_000 }))).toMatchObject({
    status: "completed",
  });
});

test("a full queue keeps tasks back and loses none", async () => {
  kit = new Kit(1, { polite: true, queueMax: 3 });
  const engine = await kit.engine();
  await kit.register(engine, "one", one);
  const bodies = Array.from({ length: 20 }, (_, x) => kit.body("one", { x }));
  for (const body of bodies) await kit.drive(engine.runs.start(tenant, body, { waitMs: 0 }));
  await kit.pass(500);
  const [pool] = (await kit.drive(engine.status())).backlog;
  expect(pool).toMatchObject({ waiting: 17, outstanding: 3 });
  kit.worker({ slots: 2 });
  const ends = bodies.map(({ run }) => engine.runs.wait(tenant, parseId("run", run), { waitMs: 60_000 }));
  expect((await kit.drive(Promise.all(ends))).every(({ status }) => status === "completed")).toBe(true);
});

test("at most twice a pool's slots are released, the rest waits here", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", one);
  const hang: Script = () => undefined;
  kit.worker({ slots: 3, script: hang });
  await kit.pass(100);
  for (let x = 0; x < 20; x++)
    await kit.drive(engine.runs.start(tenant, kit.body("one", { x }), { waitMs: 0 }));
  await kit.pass(100);
  const [pool] = (await kit.drive(engine.status())).backlog;
  expect(pool).toMatchObject({ outstanding: 6, waiting: 14, slots: 3 });
});

test("a history with an event of a newer build parks the run and says so", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", one);
  const body = kit.body("one", { x: 1 });
  const run = parseId("run", body.run);
  const { revision } = await kit.drive(engine.runs.start(tenant, body, { waitMs: 0 }));
  const commit = {
    v: 1,
    kind: "commit",
    inputs: [],
    commands: [],
    events: [{ kind: "run_paused", at: "x" }],
  };
  const append = kit.bus.log.append(runSubject(tenant, run), JSON.stringify(commit), { expect: revision });
  const appended = await kit.drive(append);
  const cancel = engine.runs.cancel(tenant, run, { input: "c-1" });
  await expect(kit.drive(cancel)).rejects.toMatchObject({ reason: "run_incompatible" });
  const { runs } = await kit.drive(
    engine.runs.list(tenant, { status: ["parked"], minRevision: appended.revision }),
  );
  expect(runs).toMatchObject([{ run, status: "parked", failure: { code: "incompatible" } }]);
  const waited = await kit.drive(engine.runs.wait(tenant, run, { waitMs: 10_000 }));
  expect(waited.status).toBe("parked");
});

test("a stopped engine refuses starts and has written what it began", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await kit.register(engine, "one", one);
  const body = kit.body("one", { x: 1 });
  const started = engine.runs.start(tenant, body, { waitMs: 0 });
  await kit.drive(Promise.all([started, engine.drain()]));
  const refused = engine.runs.start(tenant, kit.body("one", { x: 2 }), { waitMs: 0 });
  await expect(kit.drive(refused)).rejects.toMatchObject({ code: "unavailable", reason: "stopping" });
  await kit.drive(engine.stop());
  const next = await kit.engine("engine-2");
  kit.worker();
  const answer = await kit.drive(next.runs.wait(tenant, parseId("run", body.run), { waitMs: 20_000 }));
  expect(answer.status).toBe("completed");
});

test("after the log lost its end, runs go on from what is left and the read model follows it", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine("engine-1", { silentMs: 5_000, nudgeEveryMs: 2_000 });
  await kit.register(engine, "chain", chain, { output: "${steps.c.output.x}" });
  kit.worker({ takesMs: 400 });
  const bodies = Array.from({ length: 5 }, (_, x) => kit.body("chain", { x }));
  for (const body of bodies) await kit.drive(engine.runs.start(tenant, body, { waitMs: 0 }));
  await kit.pass(600);
  // No more than leaves every run its start: of several lanes all may be of one.
  kit.bus.faults.dropLogTail(kit.bus.log.lanes === 1 ? 3 : 1);
  const again = bodies.map((body) => engine.runs.start(tenant, body, { waitMs: 100_000 }));
  const ends = await kit.drive(Promise.all(again));
  expect(ends.map(({ output }) => output)).toEqual(bodies.map((_, x) => x));
  for (const body of bodies) await checkHistory(body.run, ["a", "b", "c"]);
  await kit.drive(engine.caughtUp());
  const { runs } = await kit.drive(engine.runs.list(tenant, { status: ["completed"] }));
  expect(runs.length).toBe(5);
});

/** Apart from the core: each step once, one start, one end, in order. */
async function checkHistory(runText: string, steps: readonly string[]): Promise<void> {
  const run = parseId("run", runText);
  const entries = await kit.drive(kit.bus.log.read(runSubject(tenant, run)));
  const commits = entries.map(({ body }): Commit => JSON.parse(body));
  const kinds = commits.flatMap(({ events }) => events.map((event) => event.kind));
  const done = commits.flatMap(({ events }) =>
    events.flatMap((e) => (e.kind === "step_succeeded" ? [e.step] : [])),
  );
  expect(kinds.filter((kind) => kind === "run_started").length).toBe(1);
  expect(kinds.filter((kind) => kind === "run_completed").length).toBe(1);
  expect(kinds.at(-1)).toBe("run_completed");
  expect(done).toEqual(steps);
}
