/** What tests of workers share: a task, its run's owner, and a worker on virtual time. */
import type { MemoryBus } from "@agentflow/bus/memory";
import { createLog } from "@agentflow/host/log";
import {
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
import type { WorkerOptions } from "../src/worker/worker-options.ts";
import { Worker } from "../src/worker/worker.ts";

export const run = makeRunId(0, new Uint8Array(10));
export const leaseMs = 3_000;
export const taskSubject = subjects.task({ tenant: defaultTenant, pool: defaultPool, build: devBuild });

/** Where the owner of a run is told what moves it. */
export function ownerOf(of = run): ReturnType<typeof subjects.in> {
  return subjects.in({ shard: shardOfDigest(hash("sha256", of, "buffer")), tenant: defaultTenant });
}

export function taskOf(of: Partial<Task> = {}, n = 0): Task {
  return {
    v: 1,
    kind: "task",
    id: makeTaskId({ tenant: defaultTenant, run, input: parseId("input", "start"), n }),
    tenant: defaultTenant,
    run,
    workflow: "w",
    step: parseId("step instance", `s${n}`),
    attempt: 1,
    uses: { kind: "tool", name: parseId("tool", "work.go") },
    with: { inline: { n: 1 } },
    effect: "pure",
    build: devBuild,
    at: instant(Date.UTC(2026, 0, 1)),
    ...of,
  };
}

interface WorkerOf extends Pick<WorkerOptions, "world" | "startRunner">, Partial<WorkerOptions> {
  readonly bus: ReturnType<MemoryBus["client"]>;
}

export function workerWith(of: WorkerOf): Worker {
  return new Worker({
    log: createLog({ source: "worker", clock: of.world.clock, outputs: [] }),
    worker: parseId("worker", "test"),
    tenant: defaultTenant,
    pool: defaultPool,
    build: devBuild,
    slots: 4,
    leaseMs,
    host: "test",
    pid: 1,
    ...of,
  });
}
