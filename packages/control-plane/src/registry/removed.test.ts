import type { Bus, Table } from "@agentflow/bus";
import { type WorkflowDefinition, defaultTenant, parseId } from "@agentflow/protocol";
import { afterEach, expect, test } from "vitest";
import type { Engine } from "../engine.ts";
import { Kit } from "../orchestrator/fixtures/engine-kit.ts";

let kit: Kit;
afterEach(() => kit.close());

const file = "workflows/one.yaml";
const none = { workflows: [], unreadable: [] };

function definition(name: string): WorkflowDefinition {
  const steps = { nap: { uses: "wait", with: { for: "1h" } } } as const;
  return { apiVersion: "agentflow.dev/v1", kind: "Workflow", name, steps };
}

async function opened(): Promise<Engine> {
  kit = new Kit(1, { polite: true });
  return kit.engine();
}

const put = (engine: Engine, name: string, of = {}) =>
  kit.drive(engine.registry.register(defaultTenant, { definition: definition(name) }, of));
const start = (engine: Engine, body: Parameters<Engine["runs"]["start"]>[1]) =>
  kit.drive(engine.runs.start(defaultTenant, body, { waitMs: 0 }));
const names = async (engine: Engine, of = {}) =>
  (await kit.drive(engine.registry.listWorkflows(defaultTenant, of))).map(({ name }) => name);

test("a workflow whose file is gone starts no more runs, and says how to get it back", async () => {
  const engine = await opened();
  await put(engine, "one", { project: { file } });
  await put(engine, "other", { project: {} });
  const before = kit.body("one");
  await start(engine, before);
  const { version } = await kit.drive(engine.registry.getWorkflow(defaultTenant, parseId("workflow", "one")));
  const removed = await kit.drive(
    engine.registry.keepOnly(defaultTenant, { workflows: ["other"], unreadable: [] }),
  );
  expect(removed).toEqual(["one"]);
  expect(await names(engine)).toEqual(["other"]);
  expect(await names(engine, { all: true })).toEqual(["one", "other"]);
  const error = {
    code: "not_found",
    reason: "workflow_removed",
    message: expect.stringMatching(/"one" was removed from the project at 20.*; put the file back/),
    suggestions: expect.arrayContaining([expect.stringContaining(file), "there are: other"]),
  };
  await expect(start(engine, kit.body("one"))).rejects.toMatchObject(error);
  await expect(start(engine, kit.body("one", {}, { version }))).rejects.toMatchObject(error);
  // What runs, runs on; and a start that is repeated finds its own run.
  expect(await kit.drive(engine.runs.get(defaultTenant, parseId("run", before.run)))).toMatchObject({
    status: "running",
  });
  expect(await start(engine, before)).toMatchObject({ repeated: true });
  await kit.pass(3_700_000);
  expect(await kit.drive(engine.runs.get(defaultTenant, parseId("run", before.run)))).toMatchObject({
    status: "completed",
  });
});

test("it works again when its file comes back, also after a restart in between", async () => {
  const engine = await opened();
  await put(engine, "one", { project: { file } });
  await kit.drive(engine.registry.keepOnly(defaultTenant, none));
  await kit.drive(engine.stop());
  const next = await kit.engine("engine-2");
  await expect(start(next, kit.body("one"))).rejects.toMatchObject({ reason: "workflow_removed" });
  await put(next, "one", { project: { file } });
  expect(await names(next)).toEqual(["one"]);
  expect(await start(next, kit.body("one"))).toMatchObject({ status: "running" });
});

test("what was registered by the API, and what is in a file that cannot be read now, stays", async () => {
  const engine = await opened();
  await put(engine, "api");
  await put(engine, "one", { project: { file } });
  const files = { workflows: [], unreadable: [file] };
  expect(await kit.drive(engine.registry.keepOnly(defaultTenant, files))).toEqual([]);
  // The same workflow by the API is the API's from then on.
  await put(engine, "one");
  expect(await kit.drive(engine.registry.keepOnly(defaultTenant, none))).toEqual([]);
  expect(await names(engine)).toEqual(["api", "one"]);
});

test("what another control plane registered a moment ago is found before any news of it", async () => {
  kit = new Kit(1, { polite: true });
  const told = kit.bus.client("b");
  const table: Table = Object.create(told.table);
  // News of workflows never arrives here.
  table.watch = (prefix, signal) =>
    prefix === "workflow." ? silence(signal) : told.table.watch(prefix, signal);
  const bus: Bus = Object.create(told, { table: { value: table } });
  const a = await kit.sharing("a");
  const b = await kit.sharing("b", { bus });
  await put(a, "one", { project: { file } });
  const first = await kit.drive(b.registry.getWorkflow(defaultTenant, one));
  await kit.drive(a.registry.register(defaultTenant, { definition: newer }));
  const [, older] = (await kit.drive(a.registry.getWorkflow(defaultTenant, one))).versions;
  expect(older).toBe(first.version);
  const { version } = await kit.drive(a.registry.getWorkflow(defaultTenant, one));
  expect(await kit.drive(b.registry.getWorkflow(defaultTenant, one, version))).toMatchObject({ version });
  await put(a, "two", { project: { file } });
  await kit.drive(a.registry.keepOnly(defaultTenant, { workflows: ["one"], unreadable: [] }));
  await expect(start(b, kit.body("two"))).rejects.toMatchObject({ reason: "workflow_removed" });
  await put(a, "two");
  expect(await start(b, kit.body("two"))).toMatchObject({ status: "running" });
});

const one = parseId("workflow", "one");
const newer: WorkflowDefinition = { ...definition("one"), description: "newer" };

// oxlint-disable-next-line require-yield
async function* silence(signal: AbortSignal): AsyncGenerator<never> {
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
