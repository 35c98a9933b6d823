/** A worker on virtual time whose runner is scripted and whose sandboxes a test brings. */
import { openMemoryBus } from "@agentflow/bus/memory";
import { type VirtualWorld, virtualWorld } from "@agentflow/host/virtual";
import type { InputRequest, Manifest, RunInput, Task } from "@agentflow/protocol";
import type { Sandboxes } from "../../src/sandbox/sandboxes.ts";
import { type ScriptedRunner, scriptedRunners } from "../scripted-runners.ts";
import { ownerOf, taskSubject, workerWith } from "../worker-parts.ts";

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
  const serving = bus.wire.serve(ownerOf(), (body) => {
    const { input }: InputRequest = JSON.parse(body);
    told.push(input);
    return Promise.resolve(JSON.stringify({ v: 1, kind: "accepted", revision: 1 }));
  });
  await world.time.advance(10);
  await serving;
  const runners = scriptedRunners();
  const worker = workerWith({
    bus: bus.client("worker"),
    world,
    startRunner: runners.start,
    ...(of.sandboxes === undefined ? {} : { sandboxes: of.sandboxes }),
  });
  void worker.start();
  await world.time.advance(10);
  const [runner] = runners.all;
  if (runner === undefined) throw new Error("no runner was started");
  runner.loadAs(of.manifest);
  await world.time.advance(10);
  return {
    world,
    runner,
    told,
    async push(task) {
      void bus.queue.push([{ id: task.id, subject: taskSubject, body: JSON.stringify(task) }]);
      await world.time.advance(50);
    },
  };
}
