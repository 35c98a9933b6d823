/** Two builds side by side: what takes new runs, where runs in flight stay, and what is counted of both. */
import {
  defaultPool,
  defaultTenant,
  parseId,
  type RunId,
  type StepDefinition,
  type WorkflowDefinition,
} from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { Engine } from "../engine.ts";
import { echo, failing, Kit } from "../orchestrator/fixtures/engine-kit.ts";

const [first, second] = [parseId("build", "aaaaaaaaaaaa"), parseId("build", "bbbbbbbbbbbb")];
const steps: Record<string, StepDefinition> = {
  a: { uses: "tool:t.echo", with: { x: "${input.x}" }, retry: { max: 3, backoff: "2s" } },
  b: { uses: "wait", with: { for: "10s" }, needs: ["a"] },
  c: { uses: "tool:t.echo", with: { x: "${input.x}" }, needs: ["b"], retry: { max: 3, backoff: "2s" } },
};
const definition: WorkflowDefinition = {
  apiVersion: "agentflow.dev/v1",
  kind: "Workflow",
  name: "long",
  steps,
};

let kit: Kit;
afterEach(() => kit.close());

const register = (engine: Engine, build?: typeof first) =>
  kit.drive(
    engine.registry.register(defaultTenant, {
      definition,
      strict: false,
      ...(build === undefined ? {} : { build }),
    }),
  );

async function start(engine: Engine, count: number): Promise<readonly RunId[]> {
  const runs: RunId[] = [];
  for (let x = 0; x < count; x++) {
    const body = kit.body("long", { x });
    await kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 0 }));
    runs.push(parseId("run", body.run));
  }
  return runs;
}

test("runs stay on their build, retries and later steps too; new ones take the head's", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  const old = kit.worker({ name: "old", build: first, script: failing("flaky", 1) });
  const fresh = kit.worker({ name: "fresh", build: second });
  const before = await register(engine, first);
  const began = await start(engine, 6);
  const after = await register(engine, second);
  expect(after).toMatchObject({ version: before.version, build: second, versions: [before.version] });
  const later = await start(engine, 4);
  for (const run of [...began, ...later]) {
    const ended = await kit.drive(engine.runs.wait(defaultTenant, run, { waitMs: 60_000 }));
    expect(ended.status).toBe("completed");
  }
  // Six failed once, came back, waited, and went on as they began: all of it on the first build.
  const four = [...began, ...began, ...began, ...began];
  expect(old.seen.map(({ run }) => run).toSorted()).toEqual(four.toSorted());
  expect(fresh.seen.map(({ run }) => run).toSorted()).toEqual([...later, ...later].toSorted());
  expect(new Set(old.seen.map(({ build }) => build))).toEqual(new Set([first]));
  const views = await Promise.all(began.map((run) => kit.drive(engine.runs.get(defaultTenant, run))));
  expect(views.every(({ build }) => build === first)).toBe(true);
});

test("the same start again is its own run, whatever build is current by then", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  await register(engine, first);
  const body = kit.body("long", { x: 1 });
  await kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 0 }));
  await register(engine, second);
  const again = await kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 0 }));
  expect(again).toMatchObject({ repeated: true });
  expect(await kit.drive(engine.runs.get(defaultTenant, parseId("run", body.run)))).toMatchObject({
    build: first,
  });
});

test("registering without a build leaves new runs where they went; a rollback names one", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  expect(await register(engine)).not.toHaveProperty("build");
  const [plain] = await start(engine, 1);
  expect(await kit.drive(engine.runs.get(defaultTenant, plain ?? kit.runId()))).toMatchObject({
    build: "dev",
  });
  await register(engine, first);
  await register(engine, second);
  expect(await register(engine)).toMatchObject({ build: second });
  expect(await register(engine, first)).toMatchObject({ build: first });
  // A version that is named takes the build of today too: its code is what that build was made of, or is not.
  const { version } = await kit.drive(
    engine.registry.getWorkflow(defaultTenant, parseId("workflow", "long")),
  );
  const body = { ...kit.body("long", { x: 1 }), version };
  await kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 0 }));
  expect(await kit.drive(engine.runs.get(defaultTenant, parseId("run", body.run)))).toMatchObject({
    build: first,
  });
});

test("builds are listed with what takes new runs, open runs, the oldest, and workers", async () => {
  kit = new Kit(1, { polite: true });
  const engine = await kit.engine();
  kit.worker({ name: "old", build: first, slots: 4 });
  await register(engine, first);
  const began = await start(engine, 3);
  await register(engine, second);
  const later = await start(engine, 2);
  const { revision } = await kit.drive(engine.runs.get(defaultTenant, later[1] ?? kit.runId()));
  const listed = await kit.drive(engine.builds({ tenant: defaultTenant, minRevision: revision }));
  expect(listed).toMatchObject({ default: "dev", unreadable: 0 });
  expect(listed.items).toEqual([
    {
      build: second,
      current: ["long"],
      openRuns: 2,
      pools: [],
      oldest: { run: later[0], startedAt: expect.any(String) },
    },
    {
      build: first,
      current: [],
      openRuns: 3,
      oldest: { run: began[0], startedAt: expect.any(String) },
      pools: [{ pool: defaultPool, workers: 1, slots: 4, busy: 0 }],
    },
  ]);
  expect((await kit.drive(engine.builds({ tenant: parseId("tenant", "other") }))).items).toEqual([]);
  for (const run of began) await kit.drive(engine.runs.wait(defaultTenant, run, { waitMs: 60_000 }));
  await kit.drive(engine.caughtUp());
  const drained = await kit.drive(engine.builds());
  expect(drained.items.find(({ build }) => build === first)).toMatchObject({ openRuns: 0, current: [] });
});

test("what waits for a pool is counted over all control planes, of all builds or of one", async () => {
  kit = new Kit(1, { polite: true });
  const [one, two] = [await kit.sharing("one"), await kit.sharing("two")];
  await kit.pass(10_000);
  expect([one.shards.length, two.shards.length]).toEqual([32, 32]);
  await register(one, first);
  await start(one, 40);
  await register(one, second);
  await start(one, 3);
  // Each tells the others what waits at it once in a while.
  await kit.pass(10_000);
  for (const engine of [one, two]) {
    expect(await kit.drive(engine.poolDepth({ pool: defaultPool, build: first }))).toEqual({
      pool: defaultPool,
      build: first,
      tasks: 40,
      waiting: 40,
      running: 0,
      workers: 0,
      slots: 0,
    });
    expect(await kit.drive(engine.poolDepth({ pool: defaultPool }))).toMatchObject({ tasks: 43 });
    expect(await kit.drive(engine.poolDepth({ pool: parseId("pool", "gpu") }))).toMatchObject({ tasks: 0 });
  }
  kit.worker({ name: "old", build: first, slots: 8, takesMs: 600_000, script: echo });
  await kit.pass(10_000);
  expect(await kit.drive(two.poolDepth({ pool: defaultPool, build: first }))).toMatchObject({
    tasks: 40,
    running: 8,
    waiting: 32,
    workers: 1,
    slots: 8,
  });
});
