/** What registers over the bus, against the registry behind the API: on memory, and on a real nats-server. */
import { type Subject, defaultTenant, isSubject, registerLimits, subjects } from "@agentflow/protocol";
import { systemWorld } from "@agentflow/host/system";
import { createLog } from "@agentflow/host/log";
import { natsServerMissing, startNatsServer } from "@agentflow/bus/servers";
import type { Wire } from "@agentflow/bus";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type House, openHouse, otherTenant } from "./fixtures/house.ts";
import { toAnswer } from "./fixtures/parse-answer.ts";
import { serveRegister } from "./register-door.ts";

const missing = await natsServerMissing();
const build = "0123456789ab";
const definition = {
  apiVersion: "agentflow.dev/v1",
  kind: "Workflow",
  name: "brought",
  steps: { a: { uses: "tool:t.echo", with: { x: 1 } } },
};
const one = { v: 1, kind: "register", strict: false, definition };

function subject(text: string): Subject {
  if (!isSubject(text)) throw new Error(`${text} is no subject`);
  return text;
}

/** The wire of somebody who registers, and of the control plane that answers. */
interface Wires {
  readonly asks: Wire;
  readonly serves: Wire;
  close(): Promise<void>;
}

async function onNats(): Promise<Wires> {
  const server = await startNatsServer();
  const { openNatsWire } = await import("@agentflow/bus/nats");
  const [asks, serves] = await Promise.all([
    openNatsWire({ servers: [server.url] }),
    openNatsWire({ servers: [server.url] }),
  ]);
  return {
    asks: asks.wire,
    serves: serves.wire,
    async close() {
      await Promise.all([asks.close(), serves.close()]);
      await server.close();
    },
  };
}

async function onMemory(house: House): Promise<Wires> {
  return {
    asks: house.bus.client("asks").wire,
    serves: house.bus.client("serves").wire,
    close: async () => undefined,
  };
}

describe.each([
  { on: "memory", open: onMemory },
  ...(missing === undefined ? [{ on: "nats", open: onNats }] : []),
])("registering over the bus on $on", ({ open }) => {
  let house: House;
  let wires: Wires;
  let door: ReturnType<typeof serveRegister>;

  beforeAll(async () => {
    house = await openHouse();
    wires = await open(house);
    const { timers, clock } = systemWorld();
    const say = createLog({ source: "control-plane", clock, outputs: [] });
    const { engine, audit } = house.controlPlane;
    door = serveRegister({ wire: wires.serves, registry: engine.registry, audit, say, timers });
    await vi.waitFor(async () => expect((await ask({ v: 1, kind: "workers" })).workers).toHaveLength(1));
  });

  afterAll(async () => {
    await door.stop();
    await wires.close();
    await house.close();
  });

  const ask = async (request: object | string, to = subjects.reg(defaultTenant)) => {
    const body = typeof request === "string" ? request : JSON.stringify(request);
    const text = await wires.asks.request(to, body, { timeoutMs: 5_000 });
    return toAnswer<{ kind: string; workers: object[] }>(JSON.parse(text));
  };

  test("a workflow is registered as over HTTP, with its build, and that is audited", async () => {
    const { engine, audit } = house.controlPlane;
    const before = (await audit.read(defaultTenant, { after: 0, limit: 100 })).records.length;
    const reply = await ask({ ...one, build });
    expect(reply).toMatchObject({ v: 1, kind: "registered", workflow: "brought", build });
    expect(reply).toHaveProperty("findings", [expect.objectContaining({ severity: "warning" })]);
    const listed = await engine.registry.listWorkflows(defaultTenant);
    expect(listed).toContainEqual(expect.objectContaining({ name: "brought", build }));
    const { records } = await audit.read(defaultTenant, { after: 0, limit: 100 });
    expect(records.slice(before)).toMatchObject([
      { by: "register", did: "registerWorkflow", outcome: "done", to: "brought" },
    ]);
  });

  test("of a project, what is gone starts no more runs; what came otherwise stays", async () => {
    await ask({ ...one, definition: { ...definition, name: "of-files" }, project: { file: "w/a.yaml" } });
    await ask({ ...one, definition: { ...definition, name: "unread" }, project: { file: "w/b.yaml" } });
    const reply = await ask({ v: 1, kind: "remove_gone", workflows: ["x"], unreadable: ["w/b.yaml"] });
    expect(reply).toEqual({ v: 1, kind: "removed", workflows: ["of-files"] });
  });

  test("who works, and which code, is told of the subject's tenant alone", async () => {
    const reply = await ask({ v: 1, kind: "workers" });
    expect(reply.workers).toEqual([{ worker: "w-default", pool: "default", build: "dev" }]);
    const other = await ask({ v: 1, kind: "workers" }, subjects.reg(otherTenant));
    expect(other.workers).toEqual([{ worker: "w-other", pool: "default", build: "dev" }]);
  });

  test("whoever speaks of another tenant is refused, and that is audited", async () => {
    const asking = ask({ ...one, tenant: otherTenant });
    await expect(asking).rejects.toMatchObject({ code: "forbidden", reason: "tenant_mismatch" });
    const noted = async () =>
      (await house.controlPlane.audit.read("_", { after: 0, limit: 1_000 })).records.filter(
        ({ by, reason }) => by === "register" && reason === "tenant_mismatch",
      ).length;
    await expect.poll(noted).toBe(1);
  });

  test("faults of a workflow come back as its findings", async () => {
    const wrong = { ...definition, steps: { a: { uses: "tool:t.echo", needs: ["nobody"] } } };
    const asking = ask({ ...one, definition: wrong });
    await expect(asking).rejects.toMatchObject({
      code: "invalid_project",
      details: { findings: expect.arrayContaining([expect.objectContaining({ code: "AF101" })]) },
    });
  });

  test.each([
    ["no JSON", "{", { code: "invalid_input", reason: "invalid_json" }],
    ["a list", "[]", { code: "invalid_input" }],
    ["another kind", { v: 1, kind: "erase" }, { code: "invalid_input", reason: "invalid_register_request" }],
    ["a newer version", { ...one, v: 2 }, { code: "unavailable", reason: "newer_version" }],
    ["no version", { kind: "workers" }, { code: "invalid_input" }],
    ["no definition", { v: 1, kind: "register" }, { code: "invalid_input" }],
    ["a name that is none", { ...one, definition: { name: "a.b" } }, { code: "invalid_input" }],
    ["a build that is none", { ...one, build: "../../x" }, { code: "invalid_input" }],
    ["names that are none", { v: 1, kind: "remove_gone", workflows: [1], unreadable: [] }, {}],
    [
      "more names than there may be",
      { v: 1, kind: "remove_gone", workflows: Array(registerLimits.namesMax + 1).fill("a"), unreadable: [] },
      { code: "invalid_input" },
    ],
    [
      "a definition that is too big",
      { ...one, definition: { ...definition, description: "x".repeat(600 * 1024) } },
      { code: "limit_exceeded", reason: "definition_too_big" },
    ],
  ])("%s is refused", async (_, request, error) => {
    await expect(ask(request)).rejects.toMatchObject(error);
  });

  test("what no body of the bus may be is refused before it leaves", async () => {
    const asking = ask("x".repeat(registerLimits.requestCharsMax + 1));
    await expect(asking).rejects.toMatchObject({ code: "limit_exceeded" });
  });

  test("a subject that names no tenant registers nothing", async () => {
    const asking = ask({ v: 1, kind: "workers" }, subject("af.reg.default.more"));
    await expect(asking).rejects.toMatchObject({ code: "invalid_input" });
  });
});
