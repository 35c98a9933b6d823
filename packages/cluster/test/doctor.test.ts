import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ExaminedTarget } from "../src/docker/doctor/index.ts";
import { examineEngine, partChecks } from "../src/docker/doctor/index.ts";
import { Trial } from "../src/docker/doctor/trial-container.ts";
import { openEngine } from "../src/docker/engine/open.ts";
import type { Engine } from "../src/docker/engine/open.ts";
import { realPace } from "../src/docker/pace.ts";
import { labels } from "../src/model/names.ts";
import { type BaseImages, baseImages, engineMissing, testEngine } from "./engine/index.ts";

const missing = await engineMissing();
const project = `doctor-${process.pid}`;

describe.skipIf(missing !== undefined)("on a real engine", { timeout: 120_000 }, () => {
  let engine: Engine;
  let images: BaseImages;
  const made: string[] = [];
  let examined = 0;

  beforeAll(async () => {
    const real = await testEngine();
    images = await baseImages(real);
    engine = await openEngine({ host: real.host, verify: true, from: "the tests" });
  }, 120_000);

  afterEach(async () => {
    for (const id of made.splice(0)) await engine.docker.getContainer(id).remove({ force: true });
  });
  afterAll(() => engine.close());

  function target(settings: Partial<ExaminedTarget["settings"]> = {}): ExaminedTarget {
    const base = {
      images: { base: images.node, nats: images.nats },
      api: { host: "127.0.0.1", port: 20_000 + (process.pid % 20_000) },
      controlPlanes: 1,
      workers: { default: 1 },
      nats: { replicas: 1 as const },
      limits: {},
    };
    return { project, name: "box", settings: { ...base, ...settings } };
  }

  async function examine(
    settings: Partial<ExaminedTarget["settings"]> = {},
    more: { pace?: typeof realPace; holder?: (port: number) => string | undefined } = {},
  ): Promise<Map<string, string>> {
    const looking = { environment: {}, home: "/nonexistent", host: engine.address.host };
    const { checks, engine: opened } = await examineEngine({
      looking,
      target: target(settings),
      id: String((examined += 1)),
      ...more,
    });
    opened?.close();
    const lines = new Map<string, string>();
    for (const { name, state, fact, fix } of checks)
      lines.set(name, `${lines.get(name) ?? ""}${state} ${fact} | ${fix ?? ""}\n`);
    return lines;
  }

  async function container(of: {
    readonly part: string;
    readonly script: string;
    readonly version?: string;
    readonly copy?: string;
    readonly publish?: number;
  }): Promise<string> {
    const created = await engine.docker.createContainer({
      Image: images.node,
      Entrypoint: ["node", "-e", of.script],
      Labels: {
        [labels.project]: project,
        [labels.target]: of.part === "other" ? "other" : "box",
        [labels.part]: of.part,
        [labels.copy]: of.copy ?? "1",
        [labels.version]: of.version ?? "0.1.0",
      },
      ExposedPorts: { "4180/tcp": {} },
      HostConfig: {
        PortBindings:
          of.publish === undefined
            ? {}
            : { "4180/tcp": [{ HostIp: "127.0.0.1", HostPort: String(of.publish) }] },
      },
    });
    made.push(created.id);
    await created.start();
    return created.id;
  }

  async function left(): Promise<number> {
    const filters = { label: [`dev.agentflow.doctor=${project}`] };
    const containers = await engine.docker.listContainers({ all: true, filters });
    const networks = await engine.docker.listNetworks({ filters });
    return containers.length + networks.length;
  }

  test("containers, clock, network and ports are tried, and nothing is left behind", async () => {
    const checks = await examine();
    for (const name of [
      "engine",
      "image",
      "container",
      "clock",
      "room",
      "network",
      "api port",
      "memory",
      "cpus",
    ])
      expect([name, checks.get(name)]).toEqual([name, expect.stringMatching(/^good /)]);
    expect(checks.get("container")).toContain("as user 1000 with a root that it cannot write");
    expect(await left()).toBe(0);
  });

  test("a port that is taken is told with its holder: a program or a container", async () => {
    const { port } = target().settings.api;
    const server = createServer().listen(port, "127.0.0.1");
    try {
      const publisher = await container({
        part: "other",
        script: "setInterval(() => {}, 1000)",
        publish: port + 1,
      });
      const { Name: name } = await engine.docker.getContainer(publisher).inspect();
      const checks = await examine(
        { controlPlanes: 2 },
        { holder: (asked) => (asked === port ? "node serve.js (process 7)" : undefined) },
      );
      expect(checks.get("api port")).toContain(
        `bad ${port} on 127.0.0.1 is held by node serve.js (process 7)`,
      );
      expect(checks.get("api port")).toContain(`api: {port: ${port + 10}}`);
      expect(checks.get("api port")).toContain(
        `bad ${port + 1} on 127.0.0.1 is held by container ${name.slice(1)}`,
      );
      expect(await left()).toBe(0);
    } finally {
      server.close();
    }
  });

  test("an image that nobody has and limits that cannot be met are told with what to do", async () => {
    const limits = { nats: { cpus: 9_999, memoryMb: 99_000_000, pids: 10 } };
    const checks = await examine({ images: { base: images.node, nats: "nobody.invalid/nats:1" }, limits });
    expect(checks.get("image")).toMatch(
      /bad nobody\.invalid\/nats:1 is not there and cannot be had[^]*docker pull nobody\.invalid\/nats:1/,
    );
    expect(checks.get("cpus")).toMatch(/^bad nats may use 9999, [^]*limits: \{nats: \{cpus: \d+\}\}/);
    expect(checks.get("memory")).toMatch(/^note /);
  });

  test("a clock that is off is told by how much, whatever the trial took", async () => {
    const behind = { ...realPace, nowMs: () => realPace.nowMs() + 250_000 };
    expect((await examine({}, { pace: behind })).get("clock")).toMatch(
      /^bad containers are 2\d\d\.\ds behind/,
    );
    const ahead = { ...realPace, nowMs: () => realPace.nowMs() - 20_000 };
    expect((await examine({}, { pace: ahead })).get("clock")).toMatch(
      /^note containers are [12]?\d\.\ds ahead of/,
    );
  });

  test("what a doctor that was killed left is swept, what another uses now is not", async () => {
    const network = await engine.docker.createNetwork({
      Name: `agentflow-doctor-left-${process.pid}`,
      Labels: { "dev.agentflow.doctor": project },
    });
    const later = { ...realPace, nowMs: () => realPace.nowMs() + 3_600_000 };
    await new Trial(engine, { owner: project, id: "now" }, realPace).sweep();
    await new Trial(engine, { owner: "another", id: "later" }, later).sweep();
    expect(await left()).toBe(1);
    await new Trial(engine, { owner: project, id: "later" }, later).sweep();
    expect(await left()).toBe(0);
    await network.remove().catch(() => undefined);
  });

  test("parts that ended or are of another release are told by name", async () => {
    const of = { project, target: "box" };
    const look = async (): Promise<string> => {
      const checks = await partChecks(engine, { of, version: "0.1.0" });
      return checks.map(({ state, fact }) => `${state} ${fact}`).join("\n");
    };
    expect(await look()).toBe("");
    await container({ part: "keys", script: "0" });
    const worker = await container({ part: "worker-default", script: "setInterval(() => {}, 1000)" });
    await expect
      .poll(look, { timeout: 15_000 })
      .toBe("good all 2 containers of box are as they should be\ngood every part is of af 0.1.0, as this is");
    await engine.docker.getContainer(worker).kill();
    const register = await container({ part: "register", script: "process.exit(3)", version: "0.0.9" });
    const name = (await engine.docker.getContainer(register).inspect()).Name.slice(1);
    await expect.poll(look, { timeout: 15_000 }).toContain(`bad ${name} ended with 3`);
    expect(await look()).toMatch(/bad \S+: ended with 137/);
    expect(await look()).toContain("note parts are of af 0.0.9, 0.1.0, this is 0.1.0");
  });
});
