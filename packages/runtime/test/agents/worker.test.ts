/** Agents' steps on a worker: taken, driven and reported like any other. */
import { compileExpression, compileTemplate, isTemplate } from "@agentflow/core/expr";
import { type MemoryBus, openMemoryBus } from "@agentflow/bus/memory";
import { type VirtualWorld, virtualWorld } from "@agentflow/host/virtual";
import {
  type InputRequest,
  type JournalRecord,
  type RunInput,
  type Task,
  defaultTenant,
  instant,
  parseId,
  shardOfDigest,
  subjects,
} from "@agentflow/protocol";
import { hash } from "node:crypto";
import { expect, test } from "vitest";
import { fillInBy } from "../../src/agent/start-messages.ts";
import type { Worker } from "../../src/worker/worker.ts";
import { type ScriptedCall, type ScriptedRunners, scriptedRunners } from "../scripted-runners.ts";
import { leaseMs, ownerOf, taskOf, taskSubject, workerWith } from "../worker-parts.ts";
import { agent, asks, gives, manifestOf, run, says, step, tool } from "./drive-kit.ts";

const manifest = manifestOf({
  tools: [tool("db.read", { secrets: ["db-key"] }), tool("mail.send", { effect: "irreversible" })],
  agents: [agent("main", { spec: { tools: [{ tool: "db.read" }, { tool: "mail.send" }] } })],
});
const shard = shardOfDigest(hash("sha256", run, "buffer"));

interface House {
  readonly world: VirtualWorld;
  readonly bus: MemoryBus;
  readonly runners: ScriptedRunners;
  readonly worker: Worker;
  readonly told: RunInput[];
  push(of?: Partial<Task>): Promise<void>;
  /** The call that was made last and has not ended. */
  call(index: number, runner?: number): ScriptedCall;
  queued(): Promise<number>;
}

async function house(): Promise<House> {
  const world = virtualWorld(1);
  const bus = openMemoryBus({ world, polite: true });
  const told: RunInput[] = [];
  void bus.wire.serve(ownerOf(), async (body) => {
    const { input }: InputRequest = JSON.parse(body);
    told.push(input);
    return JSON.stringify({ v: 1, kind: "accepted", revision: 1 });
  });
  await world.time.advance(10);
  const runners = scriptedRunners();
  const secrets = new Map([
    ["model-key", "sk-model"],
    ["db-key", "sk-database"],
  ]);
  const worker = workerWith({
    bus: bus.client("worker"),
    world,
    compileSelect: compileExpression,
    fillIn: fillInBy(() => ({ compileTemplate, isTemplate })),
    secrets: { get: (name) => secrets.get(name), variable: () => undefined },
    startRunner: runners.start,
  });
  void worker.start();
  await world.time.advance(10);
  runners.all[0]?.loadAs(manifest);
  await world.time.advance(10);
  return {
    world,
    bus,
    runners,
    worker,
    told,
    async push(of = {}) {
      const task = agentTask(of);
      void bus.queue.push([{ id: task.id, subject: taskSubject, body: JSON.stringify(task) }]);
      await world.time.advance(100);
    },
    call(index, runner = 0) {
      const found = runners.all[runner]?.calls[index];
      if (found === undefined) throw new Error(`runner ${runner} has no call ${index}`);
      return found;
    },
    async queued() {
      const depth = bus.queue.depth();
      await world.time.advance(10);
      return (await depth).reduce((sum, { waiting, leased }) => sum + waiting + leased, 0);
    },
  };
}

function agentTask(of: Partial<Task>): Task {
  const { attempt = 1 } = of;
  const uses = { kind: "agent", name: parseId("agent", "main") } as const;
  const input = { inline: { topic: "tea" } };
  return taskOf({ step, attempt, uses, with: input, effect: "write", ...of }, attempt);
}

test("an agent's step is reported once, with what it used up and the code that ran it", async () => {
  const all = await house();
  await all.push({ select: "output.text.size()" });
  all.call(0).end(says("hello"));
  await all.world.time.advance(100);
  expect(all.told).toMatchObject([
    {
      kind: "result",
      outcome: { kind: "succeeded", output: { inline: { text: "hello" } }, selected: 5 },
      usage: { modelCalls: 1, usd: "0.00002" },
      code: manifest.code,
    },
  ]);
  expect(await all.queued()).toBe(0);
});

test("a runner that dies loses its call alone: the next one makes it again", async () => {
  const all = await house();
  await all.push();
  all.runners.all[0]?.die("out of memory");
  await all.world.time.advance(100);
  all.runners.all[1]?.loadAs(manifest);
  await all.world.time.advance(1_000);
  all.call(0, 1).end(asks({ tool: "db__read" }));
  await all.world.time.advance(100);
  expect(all.call(1, 1).call).toMatchObject({ name: "db.read", secrets: { "db-key": "sk-database" } });
  all.call(1, 1).end(gives({ row: "sk-database" }));
  await all.world.time.advance(100);
  all.call(2, 1).end(says("done"));
  await all.world.time.advance(100);
  expect(all.told).toMatchObject([{ kind: "result", attempt: 1, outcome: { kind: "succeeded" } }]);
  const journal = all.bus.log.read(subjects.turn({ shard, tenant: defaultTenant, run, step }));
  await all.world.time.advance(100);
  expect(JSON.stringify(await journal)).not.toContain("sk-database");
});

test("calls of a step that began before a reload go to the code that was loaded since", async () => {
  const all = await house();
  await all.push();
  void all.worker.reload();
  await all.world.time.advance(10);
  all.runners.all[1]?.loadAs({ ...manifest, code: "abcdefabcdef" });
  await all.world.time.advance(10);
  all.call(0).end(asks({ tool: "db__read" }));
  await all.world.time.advance(100);
  expect(all.call(0, 1).call).toMatchObject({ name: "db.read" });
  all.call(0, 1).end(gives(1));
  await all.world.time.advance(100);
  all.call(1, 1).end(says("done"));
  await all.world.time.advance(100);
  expect(all.told).toMatchObject([{ outcome: { kind: "succeeded" }, code: "abcdefabcdef" }]);
});

test("a step that waits for a person ends its attempt as suspended", async () => {
  const all = await house();
  await all.push();
  all.call(0).end(asks({ tool: "mail__send" }));
  await all.world.time.advance(100);
  all.call(1).end({ kind: "lost", reason: "died" });
  await all.world.time.advance(100);
  expect(all.told).toMatchObject([
    {
      outcome: { kind: "suspended", asks: [{ kind: "unknown", call: "think/1-1" }] },
      usage: { toolCalls: 1 },
    },
  ]);
});

test("a call that will not stop when the step's time is up is ended with its runner", async () => {
  const all = await house();
  await all.push({ timeoutMs: 1_000 });
  await all.world.time.advance(1_200);
  expect(all.call(0).stops).toEqual(["timeout"]);
  await all.world.time.advance(1_500);
  expect(all.runners.all[0]?.killed).toBeDefined();
  expect(all.told).toMatchObject([{ outcome: { kind: "failed", failure: { code: "timeout" } }, usage: {} }]);
});

test("an attempt whose journal another has taken over says nothing, and its task is done", async () => {
  const all = await house();
  await all.push();
  const at = instant(0);
  const record: JournalRecord = {
    v: 1,
    kind: "journal",
    attempt: 2,
    events: [{ kind: "attempt_took_over", at, attempt: 2, worker: "other" }],
  };
  const subject = subjects.turn({ shard, tenant: defaultTenant, run, step });
  void all.bus.log.append(subject, JSON.stringify(record), { expect: "any" });
  await all.world.time.advance(100);
  all.call(0).end(says("too late"));
  await all.world.time.advance(2_000);
  expect(all.told).toEqual([]);
  expect(await all.queued()).toBe(0);
});

test("a lost lease stops the calls; whoever gets the task passes it on", async () => {
  const all = await house();
  await all.push();
  all.bus.faults.partition("worker");
  await all.world.time.advance(leaseMs * 3);
  all.bus.faults.heal();
  await all.world.time.advance(leaseMs * 3);
  expect(all.call(0).stops.length).toBeGreaterThan(0);
  expect(all.told).toMatchObject([{ kind: "redelivered", attempt: 1 }]);
});

test("a tool's step gets the secrets that it names, and its output gives none of them away", async () => {
  const all = await house();
  await all.push({ uses: { kind: "tool", name: parseId("tool", "db.read") } });
  expect(all.call(0).call).toMatchObject({ secrets: { "db-key": "sk-database" } });
  all.call(0).end(gives({ url: "https://x/?key=sk-database" }));
  await all.world.time.advance(100);
  expect(all.told).toMatchObject([{ outcome: { output: { inline: { url: "https://x/?key=[redacted]" } } } }]);
});
