/** A worker whose runners are processes, as every process of ours that works has one. */
import type { Bus } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import { openSecrets, type SecretStore } from "@agentflow/host/secrets";
import { parseId } from "@agentflow/protocol";
import os from "node:os";
import type { WorkerConfig } from "../channel/supervisor-messages.ts";
import { runnerEntry, runnerEnvironment } from "../entries.ts";
import { TypeStripper } from "../strip/type-stripper.ts";
import { cleanRunner } from "./clean-runner.ts";
import { readRelease } from "../parse-release.ts";
import { declaredSecrets, writtenSecrets } from "./declared-secrets.ts";
import { processUsages } from "./process-usage.ts";
import type { Runner } from "./runner-port.ts";
import { startRunnerProcess } from "./runner-process.ts";
import { sandboxesOf } from "../sandbox/for-worker.ts";
import { Worker } from "./worker.ts";
import type { WorkerEvents } from "./worker-options.ts";

export interface WorkerParts {
  readonly bus: Bus;
  readonly world: World;
  readonly log: Log;
  readonly pid: number;
  /** Of this process; user code gets it without what is ours. */
  readonly environment: { readonly [name: string]: string | undefined };
  /** Of the project, opened here when left out: hidden in all that leaves, and kept from user code. */
  readonly secrets?: SecretStore;
  readonly events?: Partial<WorkerEvents>;
  /** Told all that runs say, a line of JSON each. */
  readonly print?: (line: string) => void;
}

const memoryMbDefault = 512;

/** Throws `invalid_input` for names that are none. */
export function makeWorker(config: WorkerConfig, parts: WorkerParts): Worker {
  const { projectDir, filesDir, inspectPort, attemptTimeoutMs, agentTimeoutMs, spanContent } = config;
  const { environment, secrets = openSecrets({ projectDir, environment }), events, ...rest } = parts;
  const release = readRelease();
  const stripper = new TypeStripper(projectDir);
  return new Worker({
    ...rest,
    secrets,
    hidden: secrets.hidden,
    ...(events === undefined ? {} : { events }),
    worker: parseId("worker", config.worker),
    tenant: parseId("tenant", config.tenant),
    pool: parseId("pool", config.pool),
    build: parseId("build", config.build),
    slots: config.slots,
    leaseMs: config.leaseMs,
    host: os.hostname(),
    ...(release === undefined ? {} : { version: release }),
    usageOf: processUsages,
    ...(spanContent === undefined ? {} : { content: spanContent }),
    ...(attemptTimeoutMs === undefined ? {} : { attemptTimeoutMs }),
    ...(agentTimeoutMs === undefined ? {} : { agentTimeoutMs }),
    ...(config.sandbox === undefined
      ? {}
      : { sandboxes: sandboxesOf(config, config.sandbox, rest.world.clock) }),
    startRunner(runnerEvents) {
      secrets.learn({ secrets: writtenSecrets(projectDir) });
      const start = (): Runner =>
        startRunnerProcess(
          {
            entry: runnerEntry,
            projectDir,
            ...(filesDir === undefined ? {} : { filesDir }),
            stripped: stripper.strip(),
            memoryMb: config.runnerMemoryMb ?? memoryMbDefault,
            env: runnerEnvironment(environment, (name, value) => secrets.isSecretVariable(name, value)),
            ...(inspectPort === undefined ? {} : { inspectPort }),
          },
          runnerEvents,
        );
      return cleanRunner({
        start,
        learn: (manifest) => secrets.learn(declaredSecrets(manifest)),
        note: (note) => events?.runner?.(note),
      });
    },
  });
}
