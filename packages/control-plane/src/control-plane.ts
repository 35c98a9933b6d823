/** A control plane: the engine and the API before it, started and stopped together. */
import type { Bus } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Log, Secrets } from "@agentflow/host/log";
import type { Metrics } from "@agentflow/host/metrics";
import type { Services } from "./api/parse-operation.ts";
import { serveRegister } from "./api/register-door.ts";
import { type ApiServer, startServer } from "./api/server.ts";
import { type Audit, createAudit } from "./auth/audit.ts";
import { createGate } from "./auth/gate.ts";
import { type Keys, createKeys } from "./auth/keys.ts";
import type { EngineConfig } from "./engine-config.ts";
import { type Engine, type TenantDefaults, startEngine } from "./engine.ts";
import { choresShard } from "./orchestrator/shard.ts";
import { countGenAi } from "./telemetry/genai-metrics.ts";
import type { Target } from "./telemetry/otlp/post.ts";
import type { ServerLimits } from "./api/limits.ts";
import { createThrottle } from "./auth/throttle.ts";
import { type Readiness, type ReadinessTimes, watchReadiness } from "./readiness.ts";

export interface ControlPlaneOptions {
  readonly bus: Bus;
  readonly world: World;
  readonly log: Log;
  readonly metrics: Metrics;
  /** This control plane's name among its peers. */
  readonly node: string;
  readonly version: string;
  readonly readModelDir: string;
  /** See `EngineOptions.installationFile`. */
  readonly installationFile?: string;
  readonly tenantDefaults: TenantDefaults;
  readonly api: ApiOptions;
  readonly config?: Partial<EngineConfig>;
  /** See `EngineOptions.ownership`. */
  readonly ownership?: "all" | "leases";
  /** Where spans are exported to, by OTLP over HTTP. */
  readonly otlp?: Target;
  /** Where the worker is a child of this process. */
  readonly inspectWorker?: Services["inspectWorker"];
  /** See `EngineOptions.hidden`. */
  readonly hidden?: Secrets;
}

export interface ApiOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** SHA-256 of the local token, lower-case hex. */
  readonly localTokenHash?: string;
  /** Further names under which the API may be addressed, with the port where it is not the default. */
  readonly hosts?: readonly string[];
  /** Further origins whose pages may call. */
  readonly origins?: readonly string[];
  readonly limits?: Partial<ServerLimits>;
  readonly readiness?: Partial<ReadinessTimes>;
}

export interface ControlPlane {
  readonly engine: Engine;
  readonly keys: Keys;
  readonly audit: Audit;
  readonly url: string;
  readonly port: number;
  /** Stops accepting, answers what is open within `withinMs`, then ends the engine. */
  stop(withinMs?: number): Promise<void>;
}

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { bus, world, log, api } = options;
  const audit = createAudit({ bus, clock: world.clock, timers: world.timers, log });
  const engine = await startEngine({
    ...options,
    onRefusedCall: ({ tenant, run, step, tool, reason }) =>
      audit.write(tenant, {
        by: `the agent of ${step}`,
        did: "callTool",
        outcome: "refused",
        reason,
        to: run,
        tool,
      }),
    onMismatch: ({ tenant, foreign, run, worker }) =>
      audit.note({
        by: `a worker of ${tenant}`,
        did: "input",
        outcome: "refused",
        reason: foreign === undefined ? "not_a_control_plane" : "tenant_mismatch",
        to: run,
        ...(foreign === undefined ? {} : { tenant: foreign }),
        ...(worker === undefined ? {} : { worker }),
      }),
  });
  const keys = createKeys({ table: bus.table, clock: world.clock, random: world.random });
  const times = api.readiness === undefined ? {} : { times: api.readiness };
  const readiness = watchReadiness({ bus, engine, world, ...times });
  const server = await listenOrStop({ engine, readiness }, () =>
    listen(options, { engine, keys, audit, readiness }),
  );
  const door = serveDoor(options, { engine, audit });
  const otlp = await exportSpans(options, engine);
  const stopCounting = countSpans(options, engine);
  log.info("control plane listens", { url: server.url, version: options.version, node: options.node });
  return {
    engine,
    keys,
    audit,
    url: server.url,
    port: server.port,
    async stop(withinMs = 5_000) {
      log.info("control plane stops");
      readiness.stopping();
      await door?.stop();
      await engine.drain();
      await server.close(withinMs);
      readiness.stop();
      stopCounting();
      await otlp?.stop();
      await engine.stop();
    },
  };
}

/** Where the bus knows identities: what registers needs none of the API's keys. */
function serveDoor(
  { bus, log, world }: ControlPlaneOptions,
  { engine, audit }: { readonly engine: Engine; readonly audit: Audit },
) {
  if (bus.kind !== "nats") return undefined;
  return serveRegister({ wire: bus.wire, registry: engine.registry, audit, say: log, timers: world.timers });
}

/** Loaded only where somebody wants it. */
async function exportSpans({ otlp, ...options }: ControlPlaneOptions, engine: Engine) {
  if (otlp === undefined) return undefined;
  const { startOtlp } = await import("./telemetry/otlp/start-otlp.ts");
  return startOtlp({ ...options, engine, target: otlp });
}

/** Every control plane reads every span: the one that does chores counts them, so that sums are sums. */
function countSpans({ metrics }: ControlPlaneOptions, engine: Engine): () => void {
  const count = countGenAi(metrics);
  const isMine = (): boolean => engine.shards.includes(choresShard);
  return engine.observe({ onSpan: (_tenant, span) => void (isMine() && count(span)) });
}

interface Parts {
  readonly engine: Engine;
  readonly readiness: Readiness;
}

async function listen(
  options: ControlPlaneOptions,
  parts: Parts & { keys: Keys; audit: Audit },
): Promise<ApiServer> {
  const { bus, world, log, metrics, api, version } = options;
  const { engine, keys, audit, readiness } = parts;
  const { clock, timers } = world;
  // Requests come once the port is known, and with it the names.
  let hosts: ReadonlySet<string> = new Set();
  const gate = createGate({
    keys,
    hosts: () => hosts,
    origins: new Set(api.origins ?? []),
    throttle: createThrottle({ clock }),
    ...(api.localTokenHash === undefined ? {} : { localTokenHash: api.localTokenHash }),
  });
  const ready = () => readiness.health.report("readiness");
  const server = await startServer({
    gate,
    log,
    metrics,
    clock,
    timers,
    host: api.host,
    port: api.port,
    health: readiness.health,
    services: {
      engine,
      keys,
      audit,
      version,
      ready,
      ...(options.inspectWorker === undefined ? {} : { inspectWorker: options.inspectWorker }),
      async backup(of) {
        // Rarely asked for, and what makes it is big.
        const { backupBytes } = await import("./backup/index.ts");
        return backupBytes({ ...of, bus, world, program: version, node: process.version });
      },
    },
    ...(api.limits === undefined ? {} : { limits: api.limits }),
  });
  hosts = new Set([...localNames(server.port), `${api.host}:${server.port}`, ...(api.hosts ?? [])]);
  return server;
}

async function listenOrStop(
  { engine, readiness }: Parts,
  start: () => Promise<ApiServer>,
): Promise<ApiServer> {
  try {
    return await start();
  } catch (error) {
    readiness.stop();
    await engine.stop();
    throw error;
  }
}

function localNames(port: number): string[] {
  return ["127.0.0.1", "localhost", "[::1]"].map((host) => `${host}:${port}`);
}
