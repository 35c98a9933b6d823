/** Another control plane is asked whether it can read what is alive, before `af up` changes anything. */
import { apply, objectsOf, observe, realPace, removeInstallation } from "@agentflow/cluster/docker";
import { type Engine, openEngine } from "@agentflow/cluster/engine";
import { AgentFlowError } from "@agentflow/protocol";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { baseImages, engineMissing, testEngine } from "../engine/index.ts";
import { standin } from "./standin.ts";

const missing = await engineMissing();
const target = "docker";

/** A control plane that says what it was asked, sees whether it has its key, and ends as it is told to. */
const controlPlane = `
const isCheck = process.argv.includes("--check-histories");
if (isCheck) {
  const key = require("node:fs").existsSync("/etc/agentflow/keys/token");
  console.log("key", key, require("node:os").hostname());
  process.exit(Number(process.env.CHECK_ENDS));
}
require("node:http").createServer((request, response) => response.end("up")).listen(8080);
process.on("SIGTERM", () => process.exit(0));
`;

describe.skipIf(missing !== undefined)(`af up and live histories ${missing ?? ""}`, () => {
  let engine: Engine;
  let image = "";
  let other = "";
  let port = 0;
  const project = `t${process.pid}-histories`;
  const quiet = { line: () => undefined, container: () => undefined };

  beforeAll(async () => {
    const found = await testEngine();
    image = (await baseImages(found)).node;
    engine = await openEngine({ host: found.host, verify: true, from: "the test" });
    port = await freePort();
    // The same files under another id: another release.
    const made = await engine.docker.createContainer({ Image: image });
    other = `agentflow-test/${project}:2`;
    await made.commit({ repo: `agentflow-test/${project}`, tag: "2", changes: "LABEL release=2" });
    await made.remove();
  }, 120_000);

  afterAll(async () => {
    const of = { project, target };
    const signal = new AbortController().signal;
    const progress = { ...quiet, step: () => undefined };
    await removeInstallation({ engine, of, volumes: true, timeoutMs: 1_000, progress, signal });
    await engine.docker.getImage(other).remove({ force: true });
    engine.close();
  }, 120_000);

  /** What it said it did, and how it ended. */
  async function up(of: { readonly image: string; readonly ends: number; readonly workers?: number }) {
    const steps: string[] = [];
    const part = {
      image: of.image,
      command: ["node", "-e", controlPlane, "--"],
      environment: { CHECK_ENDS: String(of.ends) },
    };
    const desired = objectsOf(
      standin({ project, image, port, workers: of.workers ?? 1, controlPlane: part }),
    );
    const error: unknown = await apply({
      engine,
      desired,
      secrets: new Map(),
      progress: { ...quiet, step: (text: string) => steps.push(text) },
      signal: new AbortController().signal,
      wait: true,
      timeoutMs: 100_000,
      pace: realPace,
    }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return { asked: steps.some((text) => text.includes("live histories")), error };
  }

  const there = async (): Promise<Record<string, string>> => {
    const { containers } = await observe(engine, { project, target });
    return Object.fromEntries(containers.map(({ name, id }) => [name, id]));
  };

  test("one that cannot read them takes nothing over: nothing was applied", async () => {
    // Nobody ran, so nothing is alive; then only its settings change.
    expect(await up({ image, ends: 15 })).toEqual({ asked: false, error: undefined });
    expect(await up({ image, ends: 6 })).toEqual({ asked: false, error: undefined });
    const before = await there();
    const refused = await up({ image: other, ends: 15, workers: 2 });
    expect(refused.asked).toBe(true);
    expect(refused.error).toMatchObject({ code: "refused", reason: "history_incompatible" });
    const lines = AgentFlowError.is(refused.error) ? refused.error.details["lines"] : undefined;
    // With the key of the one that runs, and under a name of its own.
    expect(lines).toEqual([expect.stringMatching(/^key true [0-9a-f]{12}$/)]);
    expect(await there()).toEqual(before);
  }, 120_000);

  test("one that could not look is no better; one that read all of them takes over", async () => {
    const before = await there();
    const blind = await up({ image: other, ends: 6 });
    expect(blind.error).toMatchObject({ code: "unavailable", reason: "histories_not_read" });
    expect(await there()).toEqual(before);
    expect(await up({ image: other, ends: 0 })).toEqual({ asked: true, error: undefined });
    const after = await there();
    expect(Object.keys(after)).toEqual(Object.keys(before));
    expect(after[`${project}-docker-control-plane-1`]).not.toBe(before[`${project}-docker-control-plane-1`]);
    // The same again, and one that was stopped before: nobody is asked.
    expect(await up({ image: other, ends: 0 })).toEqual({ asked: false, error: undefined });
    await engine.docker.getContainer(after[`${project}-docker-control-plane-1`] ?? "").stop();
    expect(await up({ image, ends: 15 })).toEqual({ asked: false, error: undefined });
  }, 120_000);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}
