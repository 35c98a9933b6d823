/** The bus of an `af dev`: embedded, a nats-server of its own, or one that runs elsewhere. */
import type { Bus } from "@agentflow/bus";
import type { NatsBus } from "@agentflow/bus/nats";
import type { World } from "@agentflow/host/clock";
import type { Log, LogOptions, Secrets, TenantLine } from "@agentflow/host/log";
import { AgentFlowError, type LogSource, defaultTenant, parseId, subjects } from "@agentflow/protocol";
import type { BusAddress } from "@agentflow/runtime";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { busLines } from "./bus-log.ts";
import type { LocalPaths } from "./paths.ts";

export interface OpenBusOptions {
  /** `embedded`, `nats` or addresses with commas. */
  readonly bus: string;
  readonly paths: LocalPaths;
  readonly version: string;
  readonly world: World;
  readonly levels: Pick<LogOptions, "level" | "levels">;
  /** What may stand in no line. */
  readonly hidden: Secrets;
  readonly onLog: (line: string) => void;
}

export interface LocalBus {
  readonly bus: Bus;
  /** The same, where it tells of what was refused. */
  readonly nats?: NatsBus;
  /** How the supervisor reaches it. */
  readonly address: BusAddress;
  readonly log: Log;
  readonly busLog: Log;
  close(): Promise<void>;
}

/** Throws `invalid_input` for what is no bus, and what the bus itself says when it cannot be had. */
export async function openBus(options: OpenBusOptions): Promise<LocalBus> {
  if (options.bus === "embedded") return openEmbeddedBus(options);
  if (options.bus === "nats") return alone(options, () => openOwnNats(options));
  if (options.bus.startsWith("nats://") || options.bus.startsWith("tls://")) {
    const servers = options.bus.split(",").map((one) => one.trim());
    return alone(options, () => openNatsBus(options, { servers }));
  }
  throw new AgentFlowError("invalid_input", `--bus ${options.bus} is no bus that af dev has`, {
    reason: "unknown_bus",
    suggestions: ["af dev --bus embedded", "af dev --bus nats", "af dev --bus nats://127.0.0.1:4222"],
  });
}

/** Where the runs are kept: a folder of the project, or the address of a bus elsewhere. */
export function stateOf(bus: string): string {
  return bus === "embedded" ? ".agentflow/state" : bus === "nats" ? ".agentflow/nats" : bus;
}

/** True for a bus of somebody else, which other control planes may serve too. */
export function isBusElsewhere(bus: string): boolean {
  return bus !== "embedded" && bus !== "nats";
}

async function openEmbeddedBus(options: OpenBusOptions): Promise<LocalBus> {
  const { paths, version } = options;
  const { openEmbedded, serveSocket } = await import("@agentflow/bus/embedded");
  const lines = busLines();
  const bus = await openEmbedded({ dir: paths.state, version, onNote: lines.take });
  const logs = await openLogs(bus, options);
  lines.begin(logs.busLog, bus);
  // Held in memory only: workers get it over their control channel, never by argument or environment.
  const token = randomBytes(32).toString("hex");
  const closeBus = async (): Promise<void> => {
    await logs.log.close();
    await bus.close();
  };
  try {
    const socket = await serveSocket(bus, { path: path.join(paths.state, "socket"), token });
    const address = { kind: "embedded", socket: socket.path, token } as const;
    const close = async (): Promise<void> => {
      await socket.close();
      await closeBus();
    };
    return { bus, address, ...logs, close };
  } catch (error) {
    await closeBus();
    throw error;
  }
}

/**
 * One `af dev` a folder, whatever its bus: two would share the read model, and two nats-servers one store. An
 * embedded bus takes this lock by itself.
 */
async function alone({ paths }: OpenBusOptions, open: () => Promise<LocalBus>): Promise<LocalBus> {
  const { takeLock } = await import("@agentflow/bus/embedded");
  const lock = takeLock(paths.state);
  try {
    const local = await open();
    const close = async (): Promise<void> => {
      await local.close();
      lock.release();
    };
    return { ...local, close };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openOwnNats(options: OpenBusOptions): Promise<LocalBus> {
  const { startLocalNats } = await import("./nats-server.ts");
  const server = await startLocalNats(options.paths.nats);
  const { url, monitor, user, passwordFile } = server;
  try {
    const credentials = { kind: "password", user, passwordFile } as const;
    const local = await openNatsBus(options, { servers: [url], credentials }, monitor);
    void server.died.then((how) => local.busLog.error("the nats-server of this project has ended", { how }));
    const close = async (): Promise<void> => {
      await local.close();
      await server.close();
    };
    return { ...local, close };
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function openNatsBus(
  options: OpenBusOptions,
  where: Omit<Extract<BusAddress, { kind: "nats" }>, "kind">,
  monitor?: string,
): Promise<LocalBus> {
  const { openNats } = await import("@agentflow/bus/nats");
  const bus = await openNats({
    ...where,
    role: "owner",
    ...(monitor === undefined ? {} : { monitor }),
  });
  const logs = await openLogs(bus, options);
  logs.busLog.info("opened", { kind: bus.kind, durability: bus.durability });
  const close = async (): Promise<void> => {
    await logs.log.close();
    await bus.close();
  };
  return { bus, nats: bus, address: { kind: "nats", ...where }, ...logs, close };
}

/** Our own lines travel as everybody's do, so that `af logs` shows them beside the workers'. */
async function openLogs(
  bus: Bus,
  { world, levels, hidden, onLog }: OpenBusOptions,
): Promise<Pick<LocalBus, "log" | "busLog">> {
  const hostLog = await import("@agentflow/host/log");
  const { createBatcher, createLog, createNumbering, encodeTelemetry, sizeOfLine, toBatcher, toSink } =
    hostLog;
  const { clock, timers } = world;
  const source = parseId("source", "control-plane");
  const subject = subjects.tele({ tenant: defaultTenant, source });
  const send = async (lines: readonly TenantLine[], { dropped }: { dropped: number }): Promise<void> => {
    const records = lines.map(({ line }) => line);
    await bus.log.append(subject, encodeTelemetry(records, { source, dropped }), { expect: "any" });
  };
  const batcher = createBatcher({ timers, sizeOf: sizeOfLine, send });
  const outputs = [toSink(onLog), toBatcher(batcher)];
  const numbering = createNumbering(source, clock.now());
  const logOf = (from: LogSource): Log => {
    const log = createLog({ source: from, clock, secrets: hidden, numbering, ...levels, outputs });
    return log.child({ tenant: defaultTenant });
  };
  return { log: logOf("control-plane"), busLog: logOf("bus") };
}
