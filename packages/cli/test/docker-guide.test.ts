/** The table of errors in docs/guide/docker.md is what is said: message, exit code and next command. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { AgentFlowError, errorTable, exitCodes } from "@agentflow/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noContext } from "../src/config/contexts.ts";
import { chooseTarget } from "../src/targets/choose.ts";
import { interruptedWork } from "../src/targets/failure.ts";
import { openProjectTarget } from "../src/targets/open.ts";
import { parseScale } from "../src/targets/parse-scale.ts";
import { confirmationNeeded, runsInFlight, runsUnknown } from "../src/targets/runs-in-flight.ts";

const guide = readFileSync(new URL("../../../docs/guide/docker.md", import.meta.url), "utf8");
const rows = [...guide.matchAll(/^\| ([^|]+) \| ([^|]+) \| (\d+) \| ([^|]+) \|$/gm)].map(
  ([, what, message, exit, next]) => ({
    what: what ?? "",
    message: message ?? "",
    exit: Number(exit),
    next: next ?? "",
  }),
);

// As the commands have it: loaded when it is needed.
const { checkMachine, planChanges } = await import("@agentflow/cluster/docker");
const { labels } = await import("@agentflow/cluster");
const { findEngine, fromEngine, openEngine } = await import("@agentflow/cluster/engine");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "af-guide-"));
  const targets = "targets:\n  docker: {kind: docker}\n  staging: {kind: docker}\n";
  writeFileSync(
    path.join(folder, "agentflow.yaml"),
    `apiVersion: agentflow.dev/v1\nkind: Project\nname: p\n${targets}`,
  );
  mkdirSync(path.join(folder, ".agentflow"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const address = { host: "unix:///var/run/docker.sock", verify: true, from: "default" };
const said = (text: string, more: object, doing = "starting p-docker-control-plane-1") =>
  fromEngine(Object.assign(new Error(text), more), doing, address);
const environment = { XDG_CONFIG_HOME: "/nonexistent", HOME: "/nonexistent" };

const identity = { Os: "linux", Arch: "amd64" };

/** An engine that answers everything with this; nothing: it takes the question and is silent. */
async function playedEngine(answer?: unknown, use = openOnly): Promise<unknown> {
  const server = createServer((_, response) => {
    if (answer !== undefined) response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at = server.address();
  try {
    const port = typeof at === "object" && at !== null ? at.port : 0;
    return await use(await openEngine({ ...address, host: `tcp://127.0.0.1:${port}` }, { answerMs: 500 }));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function openOnly(_: Awaited<ReturnType<typeof openEngine>>): Promise<void> {}

async function tooManyProcessors(): Promise<unknown> {
  const settings = {
    nats: { replicas: 1 as const },
    controlPlanes: 1,
    workers: { gpu: 1 },
    limits: { "worker-gpu": { cpus: 64, memoryMb: 64, pids: 64 } },
  };
  return playedEngine({ ...identity, Version: "27.1", ApiVersion: "1.46", NCPU: 2 }, (engine) =>
    checkMachine(engine, { name: "docker", settings }),
  );
}

/** One way to each error. */
const ways: { readonly [what: string]: () => unknown } = {
  "no engine": async () => openEngine({ ...address, host: "unix:///nowhere.sock" }),
  "no permission": () => said("connect EACCES", { code: "EACCES" }),
  "old engine": async () => playedEngine({ ...identity, Version: "19.3", ApiVersion: "1.40" }),
  "it hangs": async () => playedEngine(),
  "no engine behind the address": async () => playedEngine("hello"),
  "its certificates": () => said("alert", { code: "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE" }),
  "more processors than there are": tooManyProcessors,
  "unknown Docker context": async () => findEngine({ environment, home: "/nonexistent", context: "x" }),
  "port taken": () => said("Bind for 127.0.0.1:4180 failed: port is already allocated", { statusCode: 500 }),
  "disk full": () => said("write /x: no space left on device", { statusCode: 500 }),
  "image missing": () =>
    said("No such image: agentflow/p:1", { statusCode: 404 }, "looking for image agentflow/p:1"),
  "another number of NATS servers": () =>
    planChanges(
      {
        project: "p",
        target: "docker",
        network: { name: "p-docker", labels: {} },
        containers: [],
        volumes: [1, 2, 3].map((n) => {
          return { name: `n${n}`, holds: "data" as const, labels: { [labels.copies]: "3" }, files: [] };
        }),
      },
      { networks: [], containers: [], volumes: [{ name: "n1", holds: "data", copies: 1 }] },
    ),
  "unknown pool": () => parseScale(["defualt=2"], ["default", "gpu"]),
  "which target": () => chooseTarget({ dir: folder, environment, target: undefined }),
  "no such target": async () => openProjectTarget({ folder, environment, target: "prod", scale: [] }),
  "unknown context": () => noContext("x", ["dev", "docker"]),
  "runs in flight": () => runsInFlight("docker", { running: 2, completed: 7 }),
  "runs unknown": () => runsUnknown("docker", new Error("no answer")),
  "nobody to ask": () => confirmationNeeded(),
  "Ctrl-C": () => interruptedWork("af up docker"),
};
/** Proven in packages/cluster/test/docker, apply.test.ts and histories.test.ts: they need containers. */
const onEngines = new Set([
  "name taken",
  "a container fails",
  "not ready in time",
  "unknown part",
  "histories",
]);

test("each row of the guide has a way to it, and each way a row", () => {
  expect(rows.map(({ what }) => what).sort()).toEqual([...Object.keys(ways), ...onEngines].sort());
});

test.each(rows.filter(({ what }) => !onEngines.has(what)))("$what", async ({ what, message, exit, next }) => {
  const error = await failure(ways[what] ?? (() => undefined));
  expect(error.message).toMatch(like(message));
  const code = error.reason === "interrupted" ? exitCodes.interrupted : errorTable[error.code].exit;
  expect(code).toBe(exit);
  expect(error.suggestions.some((one) => like(next).test(one))).toBe(true);
});

function like(text: string): RegExp {
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  // `…` of the guide stands for anything; one that the message says itself is among it.
  return new RegExp(`^${escaped.replaceAll("…", ".*")}$`, "s");
}

async function failure(way: () => unknown): Promise<AgentFlowError> {
  let thrown: unknown;
  try {
    thrown = await way();
  } catch (error) {
    thrown = error;
  }
  if (!AgentFlowError.is(thrown)) throw new Error(`it did not fail as it should: ${String(thrown)}`);
  return thrown;
}

test("the compose file of the repository can be published on the ports that the guide names", () => {
  const [, first = "", last = ""] = /publish one of (\d+) to (\d+) instead/.exec(guide) ?? [];
  const compose = readFileSync(new URL("../../../docker-compose.yml", import.meta.url), "utf8");
  const [, hosts = ""] = /AF_API__HOSTS: (\S+)/.exec(compose) ?? [];
  for (let port = Number(first); port <= Number(last); port++)
    expect(hosts.split(",")).toContain(`127.0.0.1:${port}`);
  expect(last).not.toBe("");
  // Whoever changes a port there builds nothing anew.
  const ignored = readFileSync(new URL("../../../.dockerignore", import.meta.url), "utf8").split("\n");
  expect(ignored).toContain("docker-compose.yml");
});
