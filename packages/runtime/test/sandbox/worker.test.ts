/** Which calls of a worker go to a sandbox, and what is recorded of them; without an engine. */
import { virtualWorld } from "@agentflow/host/virtual";
import {
  AgentFlowError,
  type Callable,
  type Manifest,
  type SandboxApplied,
  planSandbox,
} from "@agentflow/protocol";
import { expect, test } from "vitest";
import type { SandboxedCall, Sandboxes } from "../../src/sandbox/sandboxes.ts";
import { createSandboxes } from "../../src/sandbox/sandboxes.ts";
import { taskOf } from "../worker-parts.ts";
import { type WorkerHouse, workerHouse } from "./worker-kit.ts";

const applied: SandboxApplied = {
  profile: "docker",
  runtime: "runc",
  image: "sha256:abc",
  network: [],
  memoryMb: 256,
  cpus: 1,
  pids: 64,
  tmpMb: 64,
  user: "1000:1000",
  seccomp: "default",
  engine: "docker 1",
};

function manifestOf(more: Partial<Callable>): Manifest {
  const tool: Callable = {
    name: "work.go",
    description: "x",
    effect: "pure",
    file: "tools/work.ts",
    ...more,
  };
  return { v: 1, kind: "manifest", code: "0123456789ab", tools: [tool], agents: [], workflows: [] };
}

const untrusted = planSandbox("work.go", {});

async function one(of: { sandboxes?: Sandboxes; tool?: Partial<Callable> }): Promise<WorkerHouse> {
  const house = await workerHouse({
    manifest: manifestOf(of.tool ?? (untrusted === undefined ? {} : { sandbox: untrusted })),
    ...(of.sandboxes === undefined ? {} : { sandboxes: of.sandboxes }),
  });
  await house.push(taskOf({}));
  await house.world.time.advance(1_000);
  return house;
}

test("a call of an untrusted tool reaches no runner, and its result says what it ran in", async () => {
  const calls: SandboxedCall[] = [];
  const sandboxes: Sandboxes = {
    start(of) {
      calls.push(of);
      const end = Promise.resolve({
        kind: "output",
        output: 2,
        startedAt: "2026-01-01T00:00:00.000Z",
        ms: 1,
      } as const);
      return Promise.resolve({ end, code: of.code, sandbox: applied, stop: () => {}, kill: () => {} });
    },
    close: () => Promise.resolve(),
  };
  const house = await one({ sandboxes });
  expect(calls.map(({ call, tool }) => [call.name, tool.sandbox?.profile])).toEqual([["work.go", "docker"]]);
  expect(house.runner.calls).toEqual([]);
  expect(house.told).toMatchObject([{ kind: "result", outcome: { kind: "succeeded" }, sandbox: applied }]);
});

test("a worker without sandboxes refuses it, and no runner is asked instead", async () => {
  const house = await one({});
  expect(house.runner.calls).toEqual([]);
  expect(house.told).toMatchObject([
    { kind: "result", outcome: { kind: "failed", failure: { code: "sandbox_unavailable" } } },
  ]);
});

test("so does one whose engine is gone, and says why", async () => {
  const why = new AgentFlowError("unavailable", "no sandbox: no engine", { reason: "sandbox_unavailable" });
  const source = { open: () => Promise.reject(why), close: () => Promise.resolve() };
  const sandboxes = createSandboxes({ clock: virtualWorld().clock, projectDir: "/p", source });
  const house = await one({ sandboxes });
  expect(house.runner.calls).toEqual([]);
  expect(house.told).toMatchObject([
    {
      outcome: { kind: "failed", failure: { code: "sandbox_unavailable", message: "no sandbox: no engine" } },
    },
  ]);
});

test("a tool that nobody calls untrusted goes to a runner, as ever", async () => {
  const house = await one({ tool: {} });
  expect(house.runner.calls.length).toBe(1);
  expect(house.told).toEqual([]);
});
