/**
 * The installation of a project on this machine: bus, its socket, control plane; opened and closed together.
 */
import type { Bus } from "@agentflow/bus";
import type { ControlPlane } from "@agentflow/control-plane";
import type { Log, Secrets } from "@agentflow/host/log";
import { type SecretName, devBuild } from "@agentflow/protocol";
import type { BusAddress } from "@agentflow/runtime";
import { createHash } from "node:crypto";
import os from "node:os";
import { otlpTarget } from "./otlp.ts";
import { isBusElsewhere, openBus } from "./open-bus.ts";
import { watchRefusals } from "./services/refusals.ts";
import { folderName, nameFrom } from "./services/service.ts";
import type { LocalSettings } from "./settings.ts";
import { type LocalPaths, localToken } from "./paths.ts";
import { freePort, withHolder } from "./port.ts";
import { retainRegularly } from "./retain.ts";

export interface Installation {
  readonly bus: Bus;
  readonly controlPlane: ControlPlane;
  readonly log: Log;
  readonly token: string;
  /** How the supervisor reaches the bus. */
  readonly address: BusAddress;
  /** Takes over the levels that the settings say now. */
  setLevels(): void;
  close(): Promise<void>;
}

export interface InstallationOptions {
  readonly paths: LocalPaths;
  readonly version: string;
  /** Still being read; asked again for what may change while it runs. */
  readonly settings: Promise<{ readonly value: LocalSettings }>;
  /** `embedded`, `nats` or addresses of one that runs. */
  readonly bus: string;
  /** What may stand in no line and no stored log. */
  readonly hidden: Secrets;
  readonly onLog: (line: string) => void;
  /** The value of one of the project's secrets. */
  readonly secret: (name: SecretName) => string | undefined;
  /** Opens the inspector of a runner of that worker, if it is one of this process. */
  readonly inspectWorker: (worker: string, port: number) => Promise<string> | undefined;
}

export async function openInstallation(options: InstallationOptions): Promise<Installation> {
  const { paths } = options;
  const [settings, parts] = await Promise.all([
    options.settings,
    loadParts(),
    // Loaded meanwhile: it is the first that is needed.
    options.bus === "embedded" ? import("@agentflow/bus/embedded") : import("@agentflow/bus/nats"),
    import("@agentflow/host/log"),
  ]);
  const { api, engine, log: levels, telemetry } = settings.value;
  const { secret } = options;
  const otlp = otlpTarget({ settings: telemetry.otlp, environment: process.env, secret });
  const world = parts.systemWorld();
  const local = await openBus({ ...options, world, levels });
  const { bus, log, busLog, address } = local;
  const close: (() => Promise<void>)[] = [() => local.close()];
  try {
    const token = localToken(paths.token);
    const start = (port: number): Promise<ControlPlane> =>
      parts.startControlPlane({
        bus,
        world,
        log,
        metrics: parts.createMetrics(),
        ...standingOf(options),
        version: options.version,
        readModelDir: paths.state,
        tenantDefaults: { build: devBuild },
        config: engine,
        inspectWorker: options.inspectWorker,
        ...(otlp === undefined ? {} : { otlp }),
        hidden: options.hidden,
        api: { ...api, port, localTokenHash: createHash("sha256").update(token).digest("hex") },
      });
    const port = api.port ?? (await freePort(api.host));
    const controlPlane = await start(port).catch(async (error: unknown) => {
      throw await withHolder(error, port);
    });
    close.unshift(() => controlPlane.stop());
    if (local.nats !== undefined) {
      const stopWatching = watchRefusals(local.nats, { audit: controlPlane.audit, log });
      close.unshift(async () => stopWatching());
    }
    const bounds = () => settings.value.retain;
    const stopRetaining = retainRegularly(controlPlane, { timers: world.timers, log, bounds });
    close.unshift(async () => stopRetaining());
    // Only now: starting is work too, and wants no more room than what it leaves behind.
    parts.boundHeap(world.timers);
    const setLevels = (): void => {
      const { level, levels: byName } = settings.value.log;
      for (const one of [log, busLog]) one.setLevels(level, byName);
    };
    return { bus, controlPlane, log, token, address, setLevels, close: () => closeAll(close) };
  } catch (error) {
    await closeAll(close);
    throw error;
  }
}

/** On a bus of its own it is the only control plane; elsewhere one of several, under a name of its own. */
function standingOf({ bus, paths }: InstallationOptions) {
  if (!isBusElsewhere(bus)) return { node: "local", ownership: "all" } as const;
  const node = nameFrom(os.hostname(), `dev-${folderName(paths.root)}`);
  return { node, ownership: "leases" } as const;
}

/** What the command line must not wait for when it does something else. */
async function loadParts() {
  const [controlPlane, metrics, heap, system] = await Promise.all([
    import("@agentflow/control-plane"),
    import("@agentflow/host/metrics"),
    import("@agentflow/host/heap"),
    import("@agentflow/host/world"),
  ]);
  return { ...controlPlane, ...metrics, ...heap, ...system };
}

async function closeAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  for (const step of steps) await step();
}
