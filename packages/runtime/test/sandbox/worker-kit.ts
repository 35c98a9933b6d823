/** A worker on virtual time whose runner is scripted and whose sandboxes a test brings. */
import { openMemoryBus } from "@agentflow/bus/memory";
import { createLog } from "@agentflow/host/log";
import { type VirtualWorld, virtualWorld } from "@agentflow/host/virtual";
import {
  type InputRequest,
  type Manifest,
  type RunInput,
  type Task,
  defaultPool,
  defaultTenant,
  devBuild,
  instant,
  makeRunId,
  makeTaskId,
  parseId,
  shardOfDigest,
  subjects,
} from "@agentflow/protocol";
import { hash } from "node:crypto";
import type { Sandboxes } from "../../src/sandbox/sandboxes.ts";
import { Worker } from "../../src/worker/worker.ts";
import { type ScriptedRunner, scriptedRunners } from "../scripted-runners.ts";

const run = makeRunId(0, new Uint8Array(10));

export function taskFor(of: Partial<Task>): Task {
  return {
    v: 1,
    kind: "task",
    id: makeTaskId({ tenant: defaultTenant, run, input: parseId("input", "start"), n: 0 }),
    tenant: defaultTenant,
    run,
    workflow: "w",
    step: parseId("step instance", "s0"),
    attempt: 1,
    uses: { kind: "tool", name: parseId("tool", "work.go") },
    with: { inline: { n: 1 } },
    effect: "pure",
    build: devBuild,
    at: instant(0),
    ...of,
  };
}

export interface WorkerHouse {
  readonly world: VirtualWorld;
  readonly runner: ScriptedRunner;
  /** What the run's owner was told. */
  readonly told: RunInput[];
  push(task: Task): Promise<void>;
}

export async function workerHouse(of: {
  readonly manifest: Manifest;
  readonly sandboxes?: Sandboxes;
}): Promise<WorkerHouse> {
  const world = virtualWorld();
  const bus = openMemoryBus({ world, polite: true });
  const told: RunInput[] = [];
  await world.time.advance(0);
  const shard = shardOfDigest(hash("sha256", run, "buffer"));
  const serving = bus.wire.serve(subjects.in({ shard, tenant: defaultTenant }), (body) => {
    const { input }: InputRequest = JSON.parse(body);
    told.push(input);
    return Promise.resolve(JSON.stringify({ v: 1, kind: "accepted", revision: 1 }));
  });
  await world.time.advance(10);
  await serving;
  const runners = scriptedRunners();
  const worker = new Worker({
    bus: bus.client("worker"),
    world,
    log: createLog({ source: "worker", clock: world.clock, outputs: [] }),
    worker: parseId("worker", "test"),
    tenant: defaultTenant,
    pool: defaultPool,
    build: devBuild,
    slots: 4,
    leaseMs: 3_000,
    host: "test",
    pid: 1,
    startRunner: runners.start,
    ...(of.sandboxes === undefined ? {} : { sandboxes: of.sandboxes }),
  });
  void worker.start();
  await world.time.advance(10);
  const [runner] = runners.all;
  if (runner === undefined) throw new Error("no runner was started");
  runner.loadAs(of.manifest);
  await world.time.advance(10);
  const subject = subjects.task({ tenant: defaultTenant, pool: defaultPool, build: devBuild });
  return {
    world,
    runner,
    told,
    async push(task) {
      void bus.queue.push([{ id: task.id, subject, body: JSON.stringify(task) }]);
      await world.time.advance(50);
    },
  };
}
