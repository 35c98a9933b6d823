/** What `af server` and `af worker` have in common: settings, lines on stdout, signals, an orderly end. */
import type { Bus } from "@agentflow/bus";
import type { Config, ConfigSchema, ConfigSource } from "@agentflow/host/config";
import type { World } from "@agentflow/host/clock";
import type { Log, LogOptions, Secrets, TenantLine } from "@agentflow/host/log";
import type { GracefulStop } from "@agentflow/host/stop";
import {
  AgentFlowError,
  type LogSource,
  parseId,
  type SourceId,
  subjects,
  type TenantId,
} from "@agentflow/protocol";
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { wordsOf } from "./failed.ts";

/** What was asked for on the command line. */
export interface ServiceOptions {
  /** Settings by dotted key; undefined where the command line says nothing. */
  readonly flags: { readonly [key: string]: unknown };
  readonly flagNames: { readonly [key: string]: string };
  /** A file of settings, instead of the `settings:` of a project. */
  readonly config: string | undefined;
  /** The folder whose agentflow.yaml may have settings. */
  readonly dir: string;
  readonly version: string;
}

/** Throws one error that names every fault with its key, layer and place. */
export async function readServiceSettings<T>(
  schema: ConfigSchema<T>,
  { flags, flagNames, config, dir }: ServiceOptions,
  project: (path: string) => ConfigSource = (path) => ({ path, section: "settings" }),
): Promise<Config<T>> {
  const [{ loadConfig }, { readText, systemEnvironment, userConfigPath }, { openSecrets }] =
    await Promise.all([
      import("@agentflow/host/config"),
      import("@agentflow/host/system"),
      import("@agentflow/host/secrets"),
    ]);
  const environment = systemEnvironment();
  const secrets = openSecrets({ projectDir: dir, environment });
  const variable = (name: string): string | undefined => secrets.variable(name);
  if (config !== undefined && (await readText(config)) === undefined) throw noFile(config);
  const layers = {
    flags,
    flagNames,
    environment,
    readText,
    variable,
    user: { path: userConfigPath(environment) },
  };
  const source = config === undefined ? project(`${dir}/agentflow.yaml`) : { path: config };
  return loadConfig(schema, { ...layers, project: source });
}

/** The machine, with a heap that grows with the work: much of what is there at first is left by loading. */
export async function openWorld(): Promise<World> {
  const [{ systemWorld }, { boundHeap }] = await Promise.all([
    import("@agentflow/host/world"),
    import("@agentflow/host/heap"),
  ]);
  const world = systemWorld();
  boundHeap(world.timers);
  return world;
}

/** Lines to stdout at once, and to the bus as soon as there is one. */
export interface ServiceLog {
  readonly log: Log;
  /** From now on lines travel on the bus too, in batches; closing the log sends the last one. */
  sendTo(bus: Bus): void;
  /** A line that travels by itself, on stdout too. */
  print(line: string): void;
}

export async function openServiceLog(of: {
  readonly world: World;
  readonly source: LogSource;
  /** Under which name the lines travel. */
  readonly name: SourceId;
  readonly tenant: TenantId;
  readonly levels: Pick<LogOptions, "level" | "levels">;
  /** What may stand in no line. */
  readonly hidden?: Secrets;
}): Promise<ServiceLog> {
  const { world, source, tenant } = of;
  const [hostLog, { toDescriptor }] = await Promise.all([
    import("@agentflow/host/log"),
    import("@agentflow/host/system"),
  ]);
  const { createBatcher, createLog, createNumbering, encodeTelemetry, sizeOfLine, toBatcher } = hostLog;
  const subject = subjects.tele({ tenant, source: of.name });
  let bus: Bus | undefined;
  const send = async (lines: readonly TenantLine[], { dropped }: { dropped: number }): Promise<void> => {
    if (bus === undefined) throw new AgentFlowError("unavailable", "there is no bus yet");
    const records = lines.map(({ line }) => line);
    await bus.log.append(subject, encodeTelemetry(records, { source: of.name, dropped }), { expect: "any" });
  };
  const batcher = createBatcher({ timers: world.timers, sizeOf: sizeOfLine, send });
  const stdout = toDescriptor(1);
  const log = createLog({
    source,
    clock: world.clock,
    numbering: createNumbering(of.name, world.clock.now()),
    ...of.levels,
    ...(of.hidden === undefined ? {} : { secrets: of.hidden }),
    outputs: [stdout, toBatcher(batcher)],
  });
  return {
    log: log.child({ tenant }),
    sendTo(given) {
      bus = given;
    },
    print: (line) => stdout.write(line, { level: "info", tenant }),
  };
}

/** SIGTERM and Ctrl-C begin an orderly end, a second one hurries it; SIGHUP does what `onHangup` says. */
export async function openStop(of: {
  readonly world: World;
  readonly log: Log;
  readonly stopMs: number;
  readonly onHangup?: () => void;
}): Promise<GracefulStop> {
  const { world, log, stopMs, onHangup } = of;
  const [{ createStop }, { installSignals }] = await Promise.all([
    import("@agentflow/host/stop"),
    import("@agentflow/host/system"),
  ]);
  const stop = createStop({ timers: world.timers, log, deadlineMs: stopMs });
  installSignals({ stop, log, ...(onHangup === undefined ? {} : { onHangup }) });
  return stop;
}

const tryAgainMs = { first: 250, most: 2_000 } as const;

/** Opens the bus; one that is not there yet is waited for, for services start in any order. */
export function openBusPatiently<T>(open: () => Promise<T>, of: Patience): Promise<T> {
  return patiently(open, { ...of, says: "the bus is not there yet; trying again" });
}

export interface Patience {
  readonly world: Pick<World, "timers">;
  readonly log: Pick<Log, "warn">;
  readonly signal: AbortSignal;
}

/**
 * What the bus may deny us for a while is tried again until the signal aborts: a bus that goes while we start
 * is no reason to end. Refusals (too old, wrong credentials, another number of logs) are thrown at once.
 */
export async function patiently<T>(
  attempt: () => Promise<T>,
  of: Patience & { readonly says: string },
): Promise<T> {
  const { sleep } = await import("@agentflow/host/clock");
  let pauseMs: number = tryAgainMs.first;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const known = AgentFlowError.from(error, "starting");
      const mayPass = known.code === "unavailable" || known.code === "timeout";
      if (!mayPass || of.signal.aborted) throw known;
      of.log.warn(of.says, { ...wordsOf(known), code: known.code, reason: known.reason, retryMs: pauseMs });
    }
    await sleep(of.world.timers, pauseMs, of.signal);
    pauseMs = Math.min(pauseMs * 2, tryAgainMs.most);
  }
}

/** A name that is one however the machine is called: `web-1.example` becomes `web-1-example`. */
export function nameFrom(host: string, suffix: string): SourceId {
  const plain = host
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "");
  return parseId("source", `${plain.slice(0, 40) || "host"}-${suffix}`);
}

/** Tells services of one machine apart by the folder that each has, and gives one its name back. */
export function folderName(folder: string): string {
  return createHash("sha256").update(resolve(folder)).digest("hex").slice(0, 6);
}

function noFile(path: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `there is no settings file ${path}`, {
    reason: "no_config",
    suggestions: ["check --config", "af config view --origin"],
  });
}
