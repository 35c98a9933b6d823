/** What `af restore --target` does with containers; the restore itself is a small program here. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  apply,
  observe,
  objectsOf,
  realPace,
  removeInstallation,
  restoreInto,
} from "@agentflow/cluster/docker";
import { type Engine, openEngine } from "@agentflow/cluster/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { baseImages, engineMissing, testEngine } from "../engine/index.ts";
import { standin } from "./standin.ts";

const missing = await engineMissing();
const quiet = { step: () => undefined, line: () => undefined, container: () => undefined };

// Lies in the state of each control plane, found there by the name of the command.
const restore = `#!/usr/local/bin/node
const fs = require("node:fs");
const said = fs.readFileSync(process.argv[2], "utf8");
console.error("checking the file");
console.log(JSON.stringify({ said, argv: process.argv.slice(3) }));
process.exit(said === "damaged" ? 8 : 0);
`;

// Says at each start whether it still knows whom it serves.
const server = `
const fs = require("node:fs");
const state = "/var/lib/agentflow/";
fs.writeFileSync(state + "restore", ${JSON.stringify(restore)}, { mode: 0o755 });
const known = fs.existsSync(state + "installation.json") ? "known" : "new";
console.log("served: " + known);
fs.writeFileSync(state + "installation.json", "{}");
require("node:http").createServer((request, response) => response.end(known)).listen(8080);
process.on("SIGTERM", () => process.exit(0));
`;

describe.skipIf(missing !== undefined)(`a restore into containers ${missing ?? ""}`, () => {
  const of = { project: `t${process.pid}-restore`, target: "docker" };
  const folder = mkdtempSync(path.join(tmpdir(), "af-restore-"));
  let engine: Engine;

  beforeAll(async () => {
    const found = await testEngine();
    const { node: image } = await baseImages(found);
    engine = await openEngine({ host: found.host, verify: true, from: "the test" });
    const environment = {
      AF_BUS__SERVERS: "nats://a:4222,nats://b:4222",
      PATH: "/var/lib/agentflow:/usr/local/bin:/usr/bin:/bin",
    };
    const controlPlane = { command: ["node", "-e", server], environment };
    const desired = standin({
      project: of.project,
      image,
      port: await freePort(),
      controlPlanes: 2,
      controlPlane,
    });
    await apply({
      engine,
      desired: objectsOf(desired),
      secrets: new Map(),
      progress: quiet,
      signal: new AbortController().signal,
      wait: true,
      timeoutMs: 100_000,
      pace: realPace,
    });
  }, 180_000);

  afterAll(async () => {
    const signal = new AbortController().signal;
    await removeInstallation({ engine, of, volumes: true, timeoutMs: 1_000, progress: quiet, signal });
    engine.close();
    rmSync(folder, { recursive: true, force: true });
  }, 120_000);

  async function restored(content: string, signal = new AbortController().signal) {
    const file = path.join(folder, "a.zst");
    writeFileSync(file, content);
    const said: string[] = [];
    const end = await restoreInto({
      engine,
      of,
      file: { path: file, bytes: content.length },
      flags: ["--accept-faults"],
      said: (line) => void said.push(line),
      progress: quiet,
      signal,
      timeoutMs: 100_000,
      pace: realPace,
    });
    return { ...end, said };
  }

  /** What each control plane said at its last start, and what there is of containers and volumes. */
  async function standing() {
    const { containers, volumes } = await observe(engine, of);
    const served = await Promise.all(
      containers
        .filter(({ part }) => part === "control-plane")
        .map(async ({ id }) => {
          const log = await engine.docker.getContainer(id).logs({ stdout: true, follow: false });
          return log
            .toString("utf8")
            .match(/served: \w+/g)
            ?.at(-1);
        }),
    );
    const running = containers.filter(({ state }) => state === "running").map(({ part }) => part);
    return { served, running, volumes: volumes.length, all: containers.length };
  }

  test("one that fails leaves all as it was, and serving", async () => {
    const before = await standing();
    const { exitCode, stdout } = await restored("damaged");
    expect({ exitCode, said: JSON.parse(stdout).said }).toEqual({ exitCode: 8, said: "damaged" });
    expect(await standing()).toEqual({ ...before, served: ["served: known", "served: known"] });
  }, 120_000);

  test("the control planes serve what was restored, not the empty installation of before", async () => {
    const { exitCode, stdout, said } = await restored("whole");
    expect({ exitCode, said }).toEqual({ exitCode: 0, said: ["checking the file"] });
    expect(JSON.parse(stdout)).toEqual({
      said: "whole",
      argv: ["--bus", "nats://a:4222,nats://b:4222", "--json", "--accept-faults"],
    });
    const now = await standing();
    expect(now.served).toEqual(["served: new", "served: new"]);
    expect(now.running.toSorted()).toEqual(["control-plane", "control-plane", "worker-default"]);
    expect(now.all).toBe(4);
  }, 120_000);

  test("stopped before it began, what served before serves again", async () => {
    await expect(restored("whole", AbortSignal.abort(new Error("stopped")))).rejects.toThrow("stopped");
    expect((await standing()).running).toHaveLength(3);
  }, 120_000);
});

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
