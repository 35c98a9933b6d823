/** `af worker`: takes the tasks of a pool from NATS and runs a project's code, as a plain service. */
import type { World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import type { SecretStore } from "@agentflow/host/secrets";
import type { GracefulStop } from "@agentflow/host/stop";
import type { Worker } from "@agentflow/runtime";
import { parseId } from "@agentflow/protocol";
import os from "node:os";
import { failStart } from "./failed.ts";
import { natsAddress } from "./nats-address.ts";
import { serveHealth } from "./health-server.ts";
import { sandboxSettingsOf } from "../sandbox-settings.ts";
import { projectSource } from "../settings.ts";
import { workerServiceSettings } from "./settings.ts";
import {
  nameFrom,
  openBusPatiently,
  openServiceLog,
  openStop,
  openWorld,
  readServiceSettings,
} from "./service.ts";
import type { ServiceOptions } from "./service.ts";

type WorkerServiceSettings = Awaited<ReturnType<typeof loadSettings>>["value"];

export interface WorkerServiceOptions extends ServiceOptions {
  /** The project whose code runs here. */
  readonly projectDir: string;
}

/** Works until it is told to stop; SIGTERM finishes what it has, SIGHUP loads the code anew. */
export async function runWorker(options: WorkerServiceOptions): Promise<never> {
  const { value: settings, notes } = await loadSettings(options);
  const world = await openWorld();
  const { pool, tenant } = settings.worker;
  const name = settings.worker.name ?? nameFrom(os.hostname(), `${pool}-${process.pid}`);
  const reading: Reading = { log: undefined };
  const secrets = await openSecretsOf(options.projectDir, world, reading);
  const service = await openServiceLog({
    world,
    source: "worker",
    hidden: secrets.hidden,
    name: parseId("source", name),
    tenant: parseId("tenant", tenant),
    levels: settings.log,
  });
  const log = service.log.child({ worker: name });
  reading.log = log;
  let worker: Worker | undefined;
  const stop = await openStop({
    world,
    log,
    stopMs: settings.stopMs,
    onHangup: () =>
      void worker?.reload().then((report) => log.info("code loaded anew", { ...outcomeOf(report) })),
  });
  for (const note of [...notes, ...secrets.faults()]) log.warn(note);
  try {
    const bus = await openWorkerBus(settings, { world, log, signal: stop.signal });
    service.sendTo(bus);
    stop.add("close", "bus", () => bus.close());
    const { makeWorker } = await import("@agentflow/runtime");
    worker = makeWorker(
      {
        ...settings.worker,
        worker: name,
        projectDir: options.projectDir,
        spanContent: settings.telemetry.content,
        sandbox: await sandboxSettingsOf(settings.sandbox),
      },
      { bus, world, log, pid: process.pid, environment: process.env, secrets, print: service.print },
    );
    endWith(stop, { worker, world, stopMs: settings.stopMs });
    const health = await serveHealth(settings.health, { bus, worker, world });
    if (health !== undefined) stop.add("close", "health", () => health.close());
    log.info("ready", {
      pool,
      slots: settings.worker.slots,
      health: health?.url,
      durability: bus.durability,
    });
    await worker.start();
  } catch (error) {
    await failStart(error, { says: "the worker could not start", log, stop });
  }
  return new Promise(() => undefined);
}

/** Where it is said that secrets were read again, once there is a log. */
interface Reading {
  log: Log | undefined;
}

async function openSecretsOf(projectDir: string, world: World, reading: Reading): Promise<SecretStore> {
  const { openSecrets } = await import("@agentflow/host/secrets");
  const onChange = (files: readonly string[]): void => reading.log?.info("secrets read again", { files });
  const secrets = openSecrets({ projectDir, environment: process.env, onChange });
  secrets.watch(world.timers);
  return secrets;
}

async function loadSettings(options: ServiceOptions) {
  const schema = await workerServiceSettings();
  const { value } = await readServiceSettings(schema, options);
  // Which pool it is says where the project may have told of its slots.
  return readServiceSettings(schema, options, (path) => projectSource(path, value.worker.pool));
}

async function openWorkerBus(
  settings: WorkerServiceSettings,
  of: { world: World; log: Log; signal: AbortSignal },
) {
  const { openNats } = await import("@agentflow/bus/nats");
  return openBusPatiently(() => openNats({ ...natsAddress(settings.bus), role: "worker" }), of);
}

/** First no more tasks, then those it has, then its runners. */
function endWith(stop: GracefulStop, of: { worker: Worker; world: World; stopMs: number }): void {
  const { worker, stopMs } = of;
  // Its runners and its row need a moment after the last task.
  const drainMs = Math.max(0, stopMs - 1_000);
  stop.add("drain", "worker", async (hurry) => {
    const hurried = new Promise<void>((resolve) => {
      hurry.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([worker.drain(drainMs), hurried]);
  });
  stop.add("close", "runners", () => worker.stop());
}

function outcomeOf({ outcome, ms }: { outcome: string; ms: number }): { outcome: string; ms: number } {
  return { outcome, ms };
}
