/** `af server`: a control plane on NATS, one of any number, as a plain service. */
import type { NatsBus } from "@agentflow/bus/nats";
import type { ControlPlane } from "@agentflow/control-plane";
import type { World } from "@agentflow/host/clock";
import type { Log, Secrets } from "@agentflow/host/log";
import { type SecretName, type SourceId, defaultTenant, parseId } from "@agentflow/protocol";
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import os from "node:os";
import { readTokenFile } from "../../config/token-file.ts";
import { otlpTarget } from "../otlp.ts";
import { localToken } from "../paths.ts";
import { retainRegularly } from "../retain.ts";
import { failStart } from "./failed.ts";
import { natsAddress } from "./nats-address.ts";
import { watchRefusals } from "./refusals.ts";
import { serverSettings } from "./settings.ts";
import {
  folderName,
  nameFrom,
  openBusPatiently,
  openServiceLog,
  openStop,
  openWorld,
  patiently,
  readServiceSettings,
  type ServiceOptions,
} from "./service.ts";

type ServerSettings = Awaited<ReturnType<typeof loadSettings>>["value"];

/** Serves until it is told to stop; ends the process itself, with the stop's code. */
export async function runServer(options: ServiceOptions): Promise<never> {
  const { value: settings, notes } = await loadSettings(options);
  const world = await openWorld();
  const node =
    settings.node === undefined
      ? nameFrom(os.hostname(), `server-${folderName(settings.state)}`)
      : parseId("source", settings.node);
  const { openSecrets } = await import("@agentflow/host/secrets");
  // It resolves none for anybody; what its own environment and folder hold must not be told all the same.
  const { hidden } = openSecrets({ projectDir: options.dir, environment: process.env });
  const service = await openServiceLog({
    world,
    source: "control-plane",
    hidden,
    name: node,
    tenant: defaultTenant,
    levels: settings.log,
  });
  const { log } = service;
  const stop = await openStop({ world, log, stopMs: settings.stopMs });
  for (const note of notes) log.warn(note);
  try {
    const bus = await openBus(settings, { world, log, signal: stop.signal });
    service.sendTo(bus);
    stop.add("close", "bus", () => bus.close());
    const of = { bus, world, log, node, hidden, version: options.version };
    const controlPlane = await patiently(() => start(settings, of), {
      ...of,
      signal: stop.signal,
      says: "the bus went while the control plane started; trying again",
    });
    stop.add("close", "refusals of the bus", watchRefusals(bus, { audit: controlPlane.audit, log }));
    const stopRetaining = retainRegularly(controlPlane, {
      timers: world.timers,
      log,
      bounds: () => settings.retain,
    });
    stop.add("accept", "retention", stopRetaining);
    stop.add("drain", "control plane", () => controlPlane.stop(settings.stopMs));
    log.info("ready", {
      url: controlPlane.url,
      node,
      durability: bus.durability,
      logs: bus.log.lanes,
      state: settings.state,
    });
  } catch (error) {
    await failStart(error, { says: "the server could not start", log, stop });
  }
  return forever();
}

async function loadSettings(options: ServiceOptions) {
  return readServiceSettings(await serverSettings(), options);
}

async function openBus(
  { bus }: ServerSettings,
  of: { world: World; log: Log; signal: AbortSignal },
): Promise<NatsBus> {
  const { openNats } = await import("@agentflow/bus/nats");
  const { replicas, logs, monitor, archiver, archiverInbox } = bus;
  return openBusPatiently(
    () =>
      openNats({
        ...natsAddress(bus),
        role: "owner",
        replicas,
        ...(logs === undefined ? {} : { logs }),
        ...(monitor === undefined ? {} : { monitor }),
        ...(archiver === undefined
          ? {}
          : {
              archiver: {
                credentials: { kind: "nkey", seedFile: archiver },
                inboxPrefix: archiverInbox,
              },
            }),
      }),
    of,
  );
}

async function start(
  settings: ServerSettings,
  of: { bus: NatsBus; world: World; log: Log; hidden: Secrets; node: SourceId; version: string },
): Promise<ControlPlane> {
  const [{ startControlPlane }, { createMetrics }] = await Promise.all([
    import("@agentflow/control-plane"),
    import("@agentflow/host/metrics"),
  ]);
  const { api, engine, state, build, telemetry } = settings;
  const { openSecrets } = await import("@agentflow/host/secrets");
  const secrets = openSecrets({ projectDir: state, environment: process.env });
  const secret = (name: SecretName): string | undefined => secrets.get(name);
  const otlp = otlpTarget({ settings: telemetry.otlp, environment: process.env, secret });
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const token = tokenOf(settings);
  return startControlPlane({
    ...of,
    ownership: "leases",
    metrics: createMetrics(),
    readModelDir: state,
    installationFile: `${state}/installation.json`,
    tenantDefaults: { build: parseId("build", build) },
    config: engine,
    ...(otlp === undefined ? {} : { otlp }),
    api: { ...api, port: api.port ?? 4180, localTokenHash: createHash("sha256").update(token).digest("hex") },
  });
}

/** The first key of an installation: whoever reads this file makes the others with `af key create`. */
function tokenOf({ tokenFile, state }: ServerSettings): string {
  return tokenFile === undefined ? localToken(`${state}/token`) : readTokenFile(tokenFile);
}

/** The process ends in `installSignals`; nothing here has a result. */
function forever(): Promise<never> {
  return new Promise(() => undefined);
}
