/**
 * The installation of a project on this machine: bus, its socket, control plane; opened and closed together.
 */
import type { Bus } from "@agentflow/bus";
import type { EmbeddedBus } from "@agentflow/bus/embedded";
import type { ControlPlane } from "@agentflow/control-plane";
import type { Clock, Stop, Timers, World } from "@agentflow/host/clock";
import type * as HostLog from "@agentflow/host/log";
import type { Log, TenantLine } from "@agentflow/host/log";
import { type LogSource, defaultTenant, devBuild, parseId, subjects } from "@agentflow/protocol";
import { createHash, randomBytes } from "node:crypto";
import path from "node:path";
import { busLines } from "./bus-log.ts";
import type { LocalSettings } from "./settings.ts";
import { type LocalPaths, localToken } from "./paths.ts";
import { freePort, withHolder } from "./port.ts";

export interface Installation {
  readonly bus: Bus;
  readonly controlPlane: ControlPlane;
  readonly log: Log;
  readonly token: string;
  readonly socket: { readonly path: string; readonly token: string };
  /** Takes over the levels that the settings say now. */
  setLevels(): void;
  close(): Promise<void>;
}

export interface InstallationOptions {
  readonly paths: LocalPaths;
  readonly version: string;
  /** Still being read; asked again for what may change while it runs. */
  readonly settings: Promise<{ readonly value: LocalSettings }>;
  readonly onLog: (line: string) => void;
}

export async function openInstallation(options: InstallationOptions): Promise<Installation> {
  const { paths } = options;
  const [settings, parts] = await Promise.all([options.settings, loadParts()]);
  const { api, engine, log: levels } = settings.value;
  const world = parts.systemWorld();
  const { bus, log, busLog } = await openBus(options, { parts, world, levels });
  const close: (() => Promise<void>)[] = [() => log.close(), () => bus.close()];
  try {
    const socket = await openSocket(parts, { bus, paths });
    close.unshift(() => socket.close());
    const token = localToken(paths.token);
    const start = (port: number): Promise<ControlPlane> =>
      parts.startControlPlane({
        bus,
        world,
        log,
        metrics: parts.createMetrics(),
        node: "local",
        version: options.version,
        readModelDir: paths.state,
        tenantDefaults: { build: devBuild },
        config: engine,
        api: { ...api, port, localTokenHash: createHash("sha256").update(token).digest("hex") },
      });
    const port = api.port ?? (await freePort(api.host));
    const controlPlane = await start(port).catch(async (error: unknown) => {
      throw await withHolder(error, port);
    });
    close.unshift(() => controlPlane.stop());
    const bounds = () => settings.value.retain;
    const stopRetaining = retainHourly(controlPlane, { timers: world.timers, log, bounds });
    close.unshift(async () => stopRetaining());
    // Only now: starting is work too, and wants no more room than what it leaves behind.
    parts.boundHeap(world.timers);
    const setLevels = (): void => {
      const { level, levels: byName } = settings.value.log;
      for (const one of [log, busLog]) one.setLevels(level, byName);
    };
    return { bus, controlPlane, log, token, socket, setLevels, close: () => closeAll(close) };
  } catch (error) {
    await closeAll(close);
    throw error;
  }
}

type Parts = Awaited<ReturnType<typeof loadParts>>;

/** What the command line must not wait for when it does something else. */
async function loadParts() {
  const [embedded, controlPlane, hostLog, metrics, heap, system] = await Promise.all([
    import("@agentflow/bus/embedded"),
    import("@agentflow/control-plane"),
    import("@agentflow/host/log"),
    import("@agentflow/host/metrics"),
    import("@agentflow/host/heap"),
    import("@agentflow/host/world"),
  ]);
  return { ...embedded, ...controlPlane, ...metrics, ...heap, ...system, hostLog };
}

async function openBus(
  { paths, version, onLog }: InstallationOptions,
  of: { parts: Parts; world: World; levels: LocalSettings["log"] },
) {
  const { clock, timers } = of.world;
  const lines = busLines();
  const bus = await of.parts.openEmbedded({ dir: paths.state, version, onNote: lines.take });
  const { hostLog } = of.parts;
  const { log, busLog } = installationLogs(onLog, { bus, levels: of.levels, clock, timers, hostLog });
  lines.begin(busLog, bus);
  return { bus, log, busLog };
}

async function openSocket(parts: Parts, of: { bus: EmbeddedBus; paths: LocalPaths }) {
  // Held in memory only: workers get it over their control channel, never by argument or environment.
  const token = randomBytes(32).toString("hex");
  const server = await parts.serveSocket(of.bus, { path: path.join(of.paths.state, "socket"), token });
  return { path: server.path, token, close: () => server.close() };
}

/** Our own lines travel as everybody's do, so that `af logs` shows them beside the workers'. */
function installationLogs(
  onLog: (line: string) => void,
  of: { bus: Bus; clock: Clock; timers: Timers; hostLog: typeof HostLog; levels: LocalSettings["log"] },
): { log: Log; busLog: Log } {
  const { createBatcher, createLog, encodeTelemetry, sizeOfLine, toBatcher, toSink } = of.hostLog;
  const source = parseId("source", "control-plane");
  const subject = subjects.tele({ tenant: defaultTenant, source });
  const send = async (lines: readonly TenantLine[], { dropped }: { dropped: number }): Promise<void> => {
    const records = lines.map(({ line }) => line);
    await of.bus.log.append(subject, encodeTelemetry(records, { source, dropped }), { expect: "any" });
  };
  const batcher = createBatcher({ timers: of.timers, sizeOf: sizeOfLine, send });
  const outputs = [toSink(onLog), toBatcher(batcher)];
  const { clock, levels: given } = of;
  const logOf = (from: LogSource): Log =>
    createLog({ source: from, clock, ...given, outputs }).child({ tenant: defaultTenant });
  return { log: logOf("control-plane"), busLog: logOf("bus") };
}

const retainEveryMs = 3_600_000;
/** Soon, for an installation that is never up for an hour; not at once, for the start has better to do. */
const retainFirstMs = 60_000;

/** Ended runs leave the log for packed archives. */
function retainHourly(
  { engine }: ControlPlane,
  of: { timers: Timers; log: Log; bounds: () => LocalSettings["retain"] },
): Stop {
  const retain = (): void => {
    engine
      .retain(of.bounds())
      .catch((error: unknown) => of.log.warn("old runs were not archived", { error }));
  };
  const stopFirst = of.timers.after(retainFirstMs, retain, { background: true });
  const stopHourly = of.timers.every(retainEveryMs, retain, { background: true });
  return () => {
    stopFirst();
    stopHourly();
  };
}

async function closeAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  for (const step of steps) await step();
}
