/**
 * The installation of a project on this machine: bus, its socket, control plane; opened and closed together.
 */
import type { Bus } from "@agentflow/bus";
import type { ControlPlane } from "@agentflow/control-plane";
import type { Clock, Stop, Timers } from "@agentflow/host/clock";
import type * as HostLog from "@agentflow/host/log";
import type { Log, TenantLine } from "@agentflow/host/log";
import { AgentFlowError, defaultTenant, devBuild, parseId, subjects } from "@agentflow/protocol";
import { createHash, randomBytes } from "node:crypto";
import path from "node:path";
import { type LocalPaths, localToken } from "./paths.ts";

export interface Installation {
  readonly bus: Bus;
  readonly controlPlane: ControlPlane;
  readonly log: Log;
  readonly token: string;
  readonly socket: { readonly path: string; readonly token: string };
  close(): Promise<void>;
}

export interface InstallationOptions {
  readonly paths: LocalPaths;
  readonly host: string;
  /** Undefined: 4180, or any free port when that is taken. */
  readonly port: number | undefined;
  readonly version: string;
  readonly logLevel: "debug" | "info" | "warn";
  readonly onLog: (line: string) => void;
}

export const defaultPort = 4180;

export async function openInstallation(options: InstallationOptions): Promise<Installation> {
  const { paths } = options;
  const [
    { openEmbedded, serveSocket },
    { startControlPlane },
    hostLog,
    { createMetrics },
    { boundHeap },
    { systemWorld },
  ] = await Promise.all([
    import("@agentflow/bus/embedded"),
    import("@agentflow/control-plane"),
    import("@agentflow/host/log"),
    import("@agentflow/host/metrics"),
    import("@agentflow/host/heap"),
    import("@agentflow/host/world"),
  ]);
  const world = systemWorld();
  const bus = await openEmbedded({ dir: paths.state, version: options.version });
  const log = installationLog(options, { bus, clock: world.clock, timers: world.timers, hostLog });
  const close: (() => Promise<void>)[] = [() => log.close(), () => bus.close()];
  try {
    // Held in memory only: workers get it over their control channel, never by argument or environment.
    const socketToken = randomBytes(32).toString("hex");
    const socket = await serveSocket(bus, { path: path.join(paths.state, "socket"), token: socketToken });
    close.unshift(() => socket.close());
    const token = localToken(paths);
    const start = (port: number): Promise<ControlPlane> =>
      startControlPlane({
        bus,
        world,
        log,
        metrics: createMetrics(),
        node: "local",
        version: options.version,
        readModelDir: paths.state,
        tenantDefaults: { build: devBuild },
        api: { host: options.host, port, localTokenHash: createHash("sha256").update(token).digest("hex") },
      });
    const port = options.port ?? (await freePort(options.host));
    const controlPlane = await start(port).catch(async (error: unknown) => {
      throw await withHolder(error, port);
    });
    close.unshift(() => controlPlane.stop());
    const stopRetaining = retainHourly(controlPlane, { timers: world.timers, log });
    close.unshift(async () => stopRetaining());
    // Only now: starting is work too, and wants no more room than what it leaves behind.
    boundHeap(world.timers);
    return {
      bus,
      controlPlane,
      log,
      token,
      socket: { path: socket.path, token: socketToken },
      close: () => closeAll(close),
    };
  } catch (error) {
    await closeAll(close);
    throw error;
  }
}

/** Our own lines travel as everybody's do, so that `af logs` shows them beside the workers'. */
function installationLog(
  options: InstallationOptions,
  of: { bus: Bus; clock: Clock; timers: Timers; hostLog: typeof HostLog },
): Log {
  const { createBatcher, createLog, encodeTelemetry, sizeOfLine, toBatcher, toSink } = of.hostLog;
  const source = parseId("source", "control-plane");
  const subject = subjects.tele({ tenant: defaultTenant, source });
  const send = async (lines: readonly TenantLine[], { dropped }: { dropped: number }): Promise<void> => {
    const records = lines.map(({ line }) => line);
    await of.bus.log.append(subject, encodeTelemetry(records, { source, dropped }), { expect: "any" });
  };
  const batcher = createBatcher({ timers: of.timers, sizeOf: sizeOfLine, send });
  const outputs = [toSink(options.onLog), toBatcher(batcher)];
  const { clock } = of;
  const log = createLog({ source: "control-plane", clock, level: options.logLevel, outputs });
  return log.child({ tenant: defaultTenant });
}

/** Ended runs leave the log for packed archives: a week of them, or a hundred thousand, stay. */
const retained = { days: 7, runs: 100_000 } as const;
const retainEveryMs = 3_600_000;

function retainHourly({ engine }: ControlPlane, of: { timers: Timers; log: Log }): Stop {
  const retain = (): void => {
    engine.retain(retained).catch((error: unknown) => of.log.warn("old runs were not archived", { error }));
  };
  return of.timers.every(retainEveryMs, retain, { background: true });
}

async function closeAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  for (const step of steps) await step();
}

/** A port in use is somebody's: it helps to know whose. */
async function withHolder(error: unknown, port: number): Promise<unknown> {
  if (!AgentFlowError.is(error) || error.reason !== "port_in_use") return error;
  const { holderOfPort } = await import("../doctor/ports.ts");
  const holder = holderOfPort(port);
  if (holder === undefined) return error;
  const { pid, command } = holder;
  return new AgentFlowError("conflict", `${error.message}: process ${pid} (${command}) has it`, {
    reason: error.reason,
    details: { ...error.details, pid, command },
    suggestions: ["choose another with --port", `end it: kill ${pid}`],
    cause: error,
  });
}

/** The usual port when nobody has it, else 0: any. */
async function freePort(host: string): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(0));
    server.listen(defaultPort, host, () => server.close(() => resolve(defaultPort)));
  });
}
