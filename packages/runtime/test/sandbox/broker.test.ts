/** Workers without an engine: a broker makes their sandboxes, and nothing else. */
import { engineMissing, testEngine } from "@agentflow/cluster/test-engine";
import { systemWorld } from "@agentflow/host/world";
import { AgentFlowError } from "@agentflow/protocol";
import { mkdtempSync } from "node:fs";
import { createConnection } from "node:net";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { type Message, openChannel } from "../../src/channel/frames.ts";
import { type Broker, type BrokerNote, openBroker } from "../../src/sandbox/broker.ts";
import { brokerSandboxes } from "../../src/sandbox/broker-client.ts";
import { dockerSandboxes } from "../../src/sandbox/docker.ts";
import { sandboxEntry, sandboxUser } from "../../src/sandbox/for-worker.ts";
import { projectBinds } from "../../src/sandbox/project-binds.ts";
import { sandboxLabels } from "../../src/sandbox/shape.ts";
import type { SandboxSource } from "../../src/sandbox/source.ts";
import { type Sandboxed, sandboxed, workerImage } from "./kit.ts";

const missing = await engineMissing();

interface Brokered {
  readonly box: Sandboxed;
  readonly broker: Broker;
  readonly path: string;
  readonly notes: BrokerNote[];
}

async function brokered(body: string, check: (of: Brokered) => Promise<void>): Promise<void> {
  const image = await workerImage();
  const engine = await testEngine();
  const socket = path.join(mkdtempSync(path.join(os.tmpdir(), "agentflow-broker-")), "broker.sock");
  // Nothing of an engine is told to the worker.
  const box = await sandboxed({
    image,
    body,
    settings: { host: undefined, image: undefined, broker: socket },
  });
  const { dir } = box.project;
  const shape = { user: sandboxUser, projectDir: dir, entry: sandboxEntry, owner: `broker-${process.pid}` };
  const source = dockerSandboxes({
    host: engine.host,
    image,
    shape,
    binds: () => projectBinds(dir),
    clock: systemWorld().clock,
  });
  const notes: BrokerNote[] = [];
  const broker = await openBroker({
    path: socket,
    source,
    max: 2,
    most: { memoryMb: 128 },
    told: (note) => void notes.push(note),
  });
  try {
    await check({ box, broker, path: socket, notes });
  } finally {
    await box.close();
    await broker.close();
  }
  const all = await engine.docker.listContainers({
    all: true,
    filters: { label: [`${sandboxLabels.owner}=${shape.owner}`] },
  });
  expect(all).toEqual([]);
}

/** What the broker says to messages that no worker of ours would send. */
function said(socket: string, messages: readonly Message[]): Promise<Message[]> {
  const got: Message[] = [];
  const channel = openChannel(createConnection(socket), (message) => void got.push(message));
  for (const message of messages) channel.send(message);
  return channel.closed.then(() => got);
}

const request = {
  network: [],
  memoryMb: 128,
  cpus: 1,
  pids: 32,
  tmpMb: 8,
  tool: "box.run",
  run: "r1",
  step: "s",
  lifeMs: 20_000,
};

test.skipIf(missing !== undefined)(
  `calls go through it, with its own limits where they are lower ${missing ?? ""}`,
  () =>
    brokered("return { n: input.n + 1, big: 'x'.repeat(input.big ?? 0) };", async ({ box, notes }) => {
      const running = await box.start({ input: { n: 1 } });
      expect(running.sandbox).toMatchObject({ memoryMb: 128, network: [] });
      expect(await running.end).toMatchObject({ kind: "output", output: { n: 2 } });
      expect(await box.call({ n: 1, big: 1_000_000 })).toMatchObject({ kind: "big", bytes: 1_000_016 });
      expect(notes.filter(({ kind }) => kind === "opened").length).toBe(2);
    }),
  180_000,
);

test.skipIf(missing !== undefined)(
  `what a worker of ours would not ask for is not done ${missing ?? ""}`,
  () =>
    brokered("return 1;", async ({ path: socket }) => {
      for (const more of [
        { memoryMb: 0 },
        { cpus: Number.NaN },
        { pids: -1 },
        { tool: "../x" },
        { lifeMs: 1e12 },
      ]) {
        expect(await said(socket, [["open", { ...request, ...more }]])).toEqual([]);
      }
      expect(await said(socket, [["create", { Image: "node", HostConfig: { Privileged: true } }]])).toEqual(
        [],
      );
      const twice = await said(socket, [
        ["open", request],
        ["open", request],
      ]);
      expect(twice.filter(([kind]) => kind === "opened").length).toBeLessThan(2);
    }),
  180_000,
);

test.skipIf(missing !== undefined)(
  `more than may be open at once are refused, and each ends with its worker ${missing ?? ""}`,
  () =>
    brokered("await new Promise((go) => setTimeout(go, 60_000));", async ({ box, broker, path: socket }) => {
      const first = await box.start();
      const second = await box.start();
      await expect(box.start()).rejects.toMatchObject({
        reason: "sandbox_unavailable",
        message: expect.stringContaining("as many as may be"),
      });
      first.kill("over");
      second.kill("over");
      expect(await first.end).toEqual({ kind: "lost", reason: "over" });
      await second.end;
      const gone = createConnection(socket);
      await expect.poll(() => broker.open).toBeLessThanOrEqual(1);
      gone.destroy();
    }),
  180_000,
);

// A broker that was killed is there again after a second: calls of that second failed.
test("a call waits for a broker that is being started again, and not for ever", async () => {
  const socket = path.join(mkdtempSync(path.join(os.tmpdir(), "agentflow-broker-")), "broker.sock");
  const source: SandboxSource = {
    open: () => Promise.reject(new AgentFlowError("unavailable", "no sandbox: none here")),
    close: () => Promise.resolve(),
  };
  let waits = 0;
  const never = brokerSandboxes(socket, async () => void waits++);
  await expect(never.open(request, () => undefined)).rejects.toMatchObject({
    reason: "sandbox_unavailable",
    message: expect.stringContaining(`the broker at ${socket} does not answer: connect ENOENT`),
  });
  expect(waits).toBe(19);
  let broker: Broker | undefined;
  const later = brokerSandboxes(socket, async () => {
    broker = await openBroker({ path: socket, source, max: 1 });
  });
  await expect(later.open(request, () => undefined)).rejects.toThrow("none here");
  await broker?.close();
});
