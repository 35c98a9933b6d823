/** Whole installations of small programs on a real engine: what `af up`, `down` and `restart` promise. */
import { createServer } from "node:net";
import { objectsOf, observe, planChanges, pendingChanges, realPace } from "@agentflow/cluster/docker";
import { apply, removeInstallation, restartParts } from "@agentflow/cluster/docker";
import { type Engine, openEngine } from "@agentflow/cluster/engine";
import { AgentFlowError } from "@agentflow/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { baseImages, engineMissing, testEngine } from "../engine/index.ts";
import { type Standin, standin } from "./standin.ts";

const missing = await engineMissing();
const quiet = { step: () => undefined, line: () => undefined, container: () => undefined };

describe.skipIf(missing !== undefined)(`an installation on an engine ${missing ?? ""}`, () => {
  let engine: Engine;
  let image = "";
  const made = new Set<string>();

  beforeAll(async () => {
    const found = await testEngine();
    image = (await baseImages(found)).node;
    engine = await openEngine({ host: found.host, verify: true, from: "the test" });
  }, 120_000);

  afterAll(async () => {
    for (const project of made) await down(project, true);
    engine.close();
  }, 120_000);

  /** Each test has a project of its own; `af-test-` and the process keep it apart from all others. */
  async function project(
    name: string,
  ): Promise<{ readonly project: string; readonly image: string; readonly port: number }> {
    const own = `t${process.pid}-${name}`;
    made.add(own);
    return { project: own, image, port: await freePort() };
  }

  const up = (of: Standin, more: Partial<Parameters<typeof apply>[0]> = {}) =>
    apply({
      engine,
      desired: objectsOf(standin(of)),
      secrets: new Map(),
      progress: quiet,
      signal: new AbortController().signal,
      wait: true,
      timeoutMs: 100_000,
      pace: realPace,
      ...more,
    });

  const down = (name: string, volumes: boolean) =>
    removeInstallation({
      engine,
      of: { project: name, target: "docker" },
      volumes,
      timeoutMs: 1_000,
      progress: quiet,
      signal: new AbortController().signal,
    });

  const ids = async (name: string): Promise<Record<string, string>> => {
    const { containers } = await observe(engine, { project: name, target: "docker" });
    return Object.fromEntries(containers.map(({ part, copy, id }) => [`${part}-${copy}`, id]));
  };

  test("comes up, and a second time nothing changes", async () => {
    const of = await project("same");
    expect(await up(of)).toMatchObject({ created: 3, kept: 0 });
    const before = await ids(of.project);
    expect(await up(of)).toMatchObject({ created: 0, replaced: 0, started: 0, removed: 0, kept: 3 });
    expect(await ids(of.project)).toEqual(before);
    const answer = await fetch(`http://127.0.0.1:${of.port}`);
    expect(await answer.text()).toMatch(/^control-plane-1/);
  }, 120_000);

  test("new code replaces the workers alone, one by one; orphans go; scaling keeps the others", async () => {
    const of = await project("code");
    await up({ ...of, pools: ["default", "gpu"], workers: 2 });
    const before = await ids(of.project);
    const order: string[] = [];
    const progress = {
      ...quiet,
      container: (name: string, state: string) => order.push(`${name.split("-docker-")[1]} ${state}`),
    };
    expect(await up({ ...of, code: "2", workers: 2 }, { progress })).toMatchObject({
      replaced: 2,
      removed: 2,
      kept: 2,
    });
    const after = await ids(of.project);
    expect(Object.keys(after).sort()).toEqual([
      "control-plane-1",
      "keys-1",
      "worker-default-1",
      "worker-default-2",
    ]);
    expect(after["control-plane-1"]).toBe(before["control-plane-1"]);
    expect(after["keys-1"]).toBe(before["keys-1"]);
    expect(after["worker-default-1"]).not.toBe(before["worker-default-1"]);
    const rolled = order.filter((line) => /worker-default-\d (stopping|ready)/.test(line));
    expect(rolled).toEqual([
      "worker-default-1 stopping",
      "worker-default-1 ready",
      "worker-default-2 stopping",
      "worker-default-2 ready",
    ]);
    await up({ ...of, code: "2", workers: 3 });
    expect(await ids(of.project)).toMatchObject(after);
    await up({ ...of, code: "2", workers: 1 });
    expect(Object.keys(await ids(of.project))).not.toContain("worker-default-2");
  }, 120_000);

  test("what fails is said at once: exit code and its last lines", async () => {
    const of = await project("fails");
    const worker = {
      command: ["node", "-e", "console.log('first'); console.error('no such model'); process.exit(3)"],
    };
    const error = await failure(up({ ...of, worker }));
    expect(error).toMatchObject({ code: "unavailable", reason: "container_failed" });
    expect(error.message).toContain("worker-default-1 ended with exit code 3");
    expect(error.details["lines"]).toContain("no such model");
    // Mended, the same command goes on.
    expect(await up(of)).toMatchObject({ replaced: 1, kept: 2 });
  }, 120_000);

  test("a worker without memory says so", async () => {
    const of = await project("memory");
    const eat = "const all = []; for (;;) all.push(Buffer.alloc(8e6, 1))";
    const worker = { command: ["node", "-e", eat], limits: { cpus: 1, memoryMb: 48, pids: 64 } };
    const error = await failure(up({ ...of, worker }));
    expect(error.details["exitCode"]).toBe(137);
    expect(error.reason).toBe("container_out_of_memory");
  }, 120_000);

  test("a taken port is named, with the container that has it", async () => {
    const first = await project("port-a");
    await up(first);
    const second = { ...(await project("port-b")), port: first.port };
    const error = await failure(up(second));
    expect(error).toMatchObject({ code: "conflict", reason: "port_taken" });
    expect(error.details).toMatchObject({
      port: first.port,
      holder: `${first.project}-docker-control-plane-1`,
    });
    await down(first.project, false);
    expect(await up(second)).toMatchObject({ started: 1 });
  }, 120_000);

  test("a port that a process of the machine has", async () => {
    const of = await project("port-c");
    const server = createServer().listen(of.port, "127.0.0.1");
    const error = await failure(up(of));
    server.close();
    expect(error).toMatchObject({ reason: "port_taken", details: { port: of.port } });
  }, 120_000);

  test("a name that something else has is left alone", async () => {
    const of = await project("name");
    const name = `${of.project}-docker-control-plane-1`;
    const other = await engine.docker.createContainer({ name, Image: image, Cmd: ["true"] });
    try {
      const error = await failure(up(of));
      expect(error).toMatchObject({
        code: "conflict",
        reason: "name_taken",
        details: { kind: "container", name },
      });
      expect((await other.inspect()).Id).toBe(other.id);
    } finally {
      await other.remove();
    }
  }, 120_000);

  test("an image that is not there", async () => {
    const of = await project("image");
    const error = await failure(up({ ...of, image: "agentflow/none:0" }));
    expect(error).toMatchObject({ code: "not_found", reason: "image_missing" });
    expect(await ids(of.project)).toEqual({});
  }, 120_000);

  test("interrupted after any step, the next one goes on", async () => {
    const of = await project("cut");
    for (let steps = 1; ; steps += 2) {
      const stop = new AbortController();
      let left = steps;
      const step = (): void => {
        left -= 1;
        if (left === 0) stop.abort();
      };
      const cut = await up(
        { ...of, workers: 2 },
        { signal: stop.signal, progress: { ...quiet, step, container: step } },
      ).then(
        () => false,
        () => true,
      );
      if (!cut) break;
    }
    expect(Object.keys(await ids(of.project)).sort()).toEqual([
      "control-plane-1",
      "keys-1",
      "worker-default-1",
      "worker-default-2",
    ]);
    expect(await pending({ ...of, workers: 2 })).toEqual([]);
  }, 120_000);

  test("two at the same time that want the same both end well, with one of each", async () => {
    const of = await project("both");
    await Promise.all([up({ ...of, workers: 2 }), up({ ...of, workers: 2 }), up({ ...of, workers: 2 })]);
    expect(Object.keys(await ids(of.project))).toHaveLength(4);
    await Promise.all([up({ ...of, code: "2", workers: 2 }), up({ ...of, code: "2", workers: 2 })]);
    expect(await pending({ ...of, code: "2", workers: 2 })).toEqual([]);
  }, 120_000);

  test("a name that the engine keeps for a container not yet listed is waited for", async () => {
    const of = await project("kept");
    let refusals = 6;
    const busy: Engine = {
      ...engine,
      ask: (doing, question) => {
        if (!doing.startsWith("making ") || !doing.endsWith("worker-default-1") || refusals === 0)
          return engine.ask(doing, question);
        refusals -= 1;
        const taken = Object.assign(new Error("the container name is already in use"), { statusCode: 409 });
        return engine.ask(doing, () => Promise.reject(taken));
      },
    };
    await up(of, { engine: busy });
    expect(refusals).toBe(0);
    expect(await pending(of)).toEqual([]);
  }, 120_000);

  test("down keeps the data and up finds it; with volumes nothing is left", async () => {
    const of = await project("data");
    await up({ ...of, secrets: ["model-key"] }, { secrets: new Map([["model-key", "hidden-value"]]) });
    const read = async (path: string): Promise<string> =>
      output(`${of.project}-docker-control-plane-1`, ["cat", path]);
    const token = await read("/etc/agentflow/keys/token");
    expect(token).toMatch(/^token-/);
    await down(of.project, false);
    expect(await ids(of.project)).toEqual({});
    await up({ ...of, secrets: ["model-key"] }, { secrets: new Map([["model-key", "other-value"]]) });
    expect(await read("/etc/agentflow/keys/token")).toBe(token);
    const removed = await down(of.project, true);
    expect(removed.volumes.length).toBeGreaterThan(3);
    expect((await observe(engine, { project: of.project, target: "docker" })).volumes).toEqual([]);
  }, 120_000);

  test("what starts while it goes down is said, and goes the next time", async () => {
    const of = await project("late");
    await up(of);
    const network = `${of.project}-docker`;
    const late = await engine.docker.createContainer({
      Image: image,
      Cmd: ["sleep", "60"],
      HostConfig: { NetworkMode: network },
    });
    await late.start();
    await expect(down(of.project, false)).rejects.toMatchObject({
      code: "conflict",
      reason: "changed_meanwhile",
    });
    await late.remove({ force: true });
    expect(await down(of.project, false)).toMatchObject({ containers: 0, network: true });
  }, 120_000);

  test("secrets are files of the workers and nowhere else; a new value replaces no container", async () => {
    const of = { ...(await project("secret")), secrets: ["model-key"] };
    await up(of, { secrets: new Map([["model-key", "hidden-value"]]) });
    const worker = `${of.project}-docker-worker-default-1`;
    const inspected = JSON.stringify(await engine.docker.getContainer(worker).inspect());
    expect(inspected).not.toContain("hidden-value");
    expect(await output(worker, ["cat", "/run/secrets/model-key"])).toBe("hidden-value");
    const before = await ids(of.project);
    expect(await up(of, { secrets: new Map([["model-key", "new-value"]]) })).toMatchObject({
      secretsWritten: true,
      kept: 3,
    });
    expect(await output(worker, ["cat", "/run/secrets/model-key"])).toBe("new-value");
    expect(await ids(of.project)).toEqual(before);
    expect(await up(of, { secrets: new Map([["model-key", "new-value"]]) })).toMatchObject({
      secretsWritten: false,
    });
  }, 120_000);

  test("a secret that nothing asks for any more is gone, one without a value here stays", async () => {
    const of = await project("withdrawn");
    const worker = `${of.project}-docker-worker-default-1`;
    const read = (name: string): Promise<string> => output(worker, ["cat", `/run/secrets/${name}`]);
    const both = new Map([
      ["model-key", "hidden-value"],
      ["other", "other-value"],
    ]);
    await up({ ...of, secrets: ["model-key", "other"] }, { secrets: both });
    await up({ ...of, secrets: ["model-key"] }, { secrets: new Map() });
    expect(await read("other")).toBe("");
    expect(await read("model-key")).toBe("hidden-value");
    await up({ ...of, secrets: ["model-key", "other"] }, { secrets: both });
    await down(of.project, false);
    await up({ ...of, secrets: ["other"] }, { secrets: new Map() });
    expect(await read("other")).toBe("other-value");
    expect(await read("model-key")).toBe("");
    await up({ ...of, secrets: [] });
    const { volumes } = await observe(engine, { project: of.project, target: "docker" });
    expect(volumes.filter(({ holds }) => holds === "secrets")).toEqual([]);
  }, 240_000);

  test("containers have nothing that they do not need", async () => {
    const of = await project("hard");
    await up(of);
    const { HostConfig: host, Config: config } = await engine.docker
      .getContainer(`${of.project}-docker-control-plane-1`)
      .inspect();
    expect(config.User).toBe("1000:1000");
    expect(host).toMatchObject({ ReadonlyRootfs: true, CapDrop: ["ALL"], Privileged: false, Init: true });
    expect(host.SecurityOpt).toContain("no-new-privileges");
    expect(host.Memory).toBe(128 * 1024 * 1024);
    expect(host.PidsLimit).toBe(64);
    expect(host.LogConfig).toMatchObject({ Type: "json-file", Config: { "max-file": "3" } });
    expect(Object.values(host.PortBindings)).toEqual([[{ HostIp: "127.0.0.1", HostPort: String(of.port) }]]);
    expect(
      await output(`${of.project}-docker-control-plane-1`, ["sh", "-c", "touch /x 2>&1; id -u"]),
    ).toMatch(/Read-only file system[^]*1000/);
  }, 120_000);

  test("restart starts the named parts anew, as they are, one after the other", async () => {
    const of = await project("again");
    await up({ ...of, workers: 2 });
    const before = await observe(engine, { project: of.project, target: "docker" });
    const restart = (names: readonly string[]) =>
      restartParts({
        engine,
        of: { project: of.project, target: "docker" },
        names,
        progress: quiet,
        signal: new AbortController().signal,
        timeoutMs: 100_000,
        wait: true,
        pace: realPace,
      });
    expect(await restart(["worker-default-2"])).toEqual([`${of.project}-docker-worker-default-2`]);
    const after = await observe(engine, { project: of.project, target: "docker" });
    const started = (observed: typeof before, part: string, copy: number) =>
      observed.containers.find((one) => one.part === part && one.copy === copy)?.startedAt;
    expect(started(after, "worker-default", 2)).not.toBe(started(before, "worker-default", 2));
    expect(started(after, "worker-default", 1)).toBe(started(before, "worker-default", 1));
    expect(after.containers.map(({ id }) => id)).toEqual(before.containers.map(({ id }) => id));
    expect(await failure(restart(["wroker-default"]))).toMatchObject({
      code: "not_found",
      reason: "no_part",
    });
  }, 120_000);

  async function pending(of: Standin): Promise<readonly unknown[]> {
    const desired = objectsOf(standin(of));
    return pendingChanges(planChanges(desired, await observe(engine, desired)));
  }

  async function output(container: string, command: string[]): Promise<string> {
    const asked = await engine.docker
      .getContainer(container)
      .exec({ Cmd: command, AttachStdout: true, Tty: true });
    const chunks: Buffer[] = [];
    for await (const chunk of await asked.start({ Detach: false, Tty: true }))
      chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString("utf8").trim();
  }
});

async function failure(work: Promise<unknown>): Promise<AgentFlowError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!AgentFlowError.is(error)) throw new Error(`it did not fail as it should: ${String(error)}`);
  return error;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}
