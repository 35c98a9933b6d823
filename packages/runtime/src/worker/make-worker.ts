/** A worker whose runners are processes, as every process of ours that works has one. */
import type { Bus } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import { parseId } from "@agentflow/protocol";
import os from "node:os";
import type { WorkerConfig } from "../channel/supervisor-messages.ts";
import { runnerEntry, runnerEnvironment } from "../entries.ts";
import { TypeStripper } from "../strip/type-stripper.ts";
import { startRunnerProcess } from "./runner-process.ts";
import { Worker, type WorkerEvents } from "./worker.ts";

export interface WorkerParts {
  readonly bus: Bus;
  readonly world: World;
  readonly log: Log;
  readonly pid: number;
  /** Of this process; user code gets it without what is ours. */
  readonly environment: { readonly [name: string]: string | undefined };
  readonly events?: Partial<WorkerEvents>;
}

const memoryMbDefault = 512;

/** Throws `invalid_input` for names that are none. */
export function makeWorker(config: WorkerConfig, parts: WorkerParts): Worker {
  const { projectDir, inspectPort, attemptTimeoutMs } = config;
  const { environment, ...rest } = parts;
  const stripper = new TypeStripper(projectDir);
  return new Worker({
    ...rest,
    worker: parseId("worker", config.worker),
    tenant: parseId("tenant", config.tenant),
    pool: parseId("pool", config.pool),
    build: parseId("build", config.build),
    slots: config.slots,
    leaseMs: config.leaseMs,
    host: os.hostname(),
    ...(attemptTimeoutMs === undefined ? {} : { attemptTimeoutMs }),
    startRunner: (events) =>
      startRunnerProcess(
        {
          entry: runnerEntry,
          projectDir,
          stripped: stripper.strip(),
          memoryMb: config.runnerMemoryMb ?? memoryMbDefault,
          env: runnerEnvironment(environment),
          ...(inspectPort === undefined ? {} : { inspectPort }),
        },
        events,
      ),
  });
}
