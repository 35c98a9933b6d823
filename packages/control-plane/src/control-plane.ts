/** A control plane: the engine and the API before it, started and stopped together. */
import type { Bus } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import type { Log } from "@agentflow/host/log";
import type { Metrics } from "@agentflow/host/metrics";
import { type ApiServer, startServer } from "./api/server.ts";
import { createAudit } from "./auth/audit.ts";
import { createGate } from "./auth/gate.ts";
import { type Keys, createKeys } from "./auth/keys.ts";
import type { EngineConfig } from "./engine-config.ts";
import { type Engine, type TenantDefaults, startEngine } from "./engine.ts";

export interface ControlPlaneOptions {
  readonly bus: Bus;
  readonly world: World;
  readonly log: Log;
  readonly metrics: Metrics;
  /** This control plane's name among its peers. */
  readonly node: string;
  readonly version: string;
  readonly readModelDir: string;
  readonly tenantDefaults: TenantDefaults;
  readonly api: ApiOptions;
  readonly config?: Partial<EngineConfig>;
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
}

export interface ControlPlane {
  readonly engine: Engine;
  readonly keys: Keys;
  readonly url: string;
  readonly port: number;
  /** Stops accepting, answers what is open within `withinMs`, then ends the engine. */
  stop(withinMs?: number): Promise<void>;
}

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { bus, world, log, metrics, api } = options;
  const engine = await startEngine(options);
  const keys = createKeys({ table: bus.table, clock: world.clock, random: world.random });
  const audit = createAudit({ bus, clock: world.clock, log });
  let hosts: ReadonlySet<string> = new Set();
  const gate = createGate({
    keys,
    hosts: () => hosts,
    origins: new Set(api.origins ?? []),
    ...(api.localTokenHash === undefined ? {} : { localTokenHash: api.localTokenHash }),
  });
  const server = await listenOrStop(engine, () =>
    startServer({
      services: { engine, keys, audit, version: options.version },
      gate,
      log,
      metrics,
      health: { live: () => true, ready: () => ({ ok: true, checks: {} }) },
      host: api.host,
      port: api.port,
    }),
  );
  hosts = new Set([...localNames(server.port), `${api.host}:${server.port}`, ...(api.hosts ?? [])]);
  return {
    engine,
    keys,
    url: server.url,
    port: server.port,
    async stop(withinMs = 5_000) {
      await engine.drain();
      await server.close(withinMs);
      await engine.stop();
    },
  };
}

async function listenOrStop(engine: Engine, listen: () => Promise<ApiServer>): Promise<ApiServer> {
  try {
    return await listen();
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

function localNames(port: number): string[] {
  return ["127.0.0.1", "localhost", "[::1]"].map((host) => `${host}:${port}`);
}
