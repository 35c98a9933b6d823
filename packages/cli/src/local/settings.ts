/** What `af dev` and its worker read of the configuration, and where each value comes from. */
import type { ConfigLayers, ConfigSource, Fault, Origin, watchConfig } from "@agentflow/host/config";
import { AgentFlowError, defaultPool, type Finding } from "@agentflow/protocol";
import { join } from "node:path";

/** What stands on the command line of `af dev`; undefined where nothing does. */
export interface DevFlags {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly slots?: number | undefined;
  readonly debug?: boolean | undefined;
}

export type LocalSettings = Awaited<ReturnType<typeof loadSettings>>["value"];

/** Throws one error that names every fault with its key, layer and place. */
export async function loadSettings(dir: string, flags: DevFlags) {
  const { loadConfig } = await import("@agentflow/host/config");
  return loadConfig(await settingsSchema(), await layersOf(dir, flags));
}

/** The same, read again while it runs: when it is asked to, and now and then. */
export async function watchSettings(dir: string, of: { flags: DevFlags; watch: WatchOptions }) {
  const config = await import("@agentflow/host/config");
  return config.watchConfig(await settingsSchema(), await layersOf(dir, of.flags), {
    // A save in the project asks for it at once; the user's own file changes rarely.
    everyMs: 30_000,
    ...of.watch,
  });
}

type WatchOptions = Omit<Parameters<typeof watchConfig>[2], "onChange"> & {
  readonly onChange: (settings: LocalSettings) => void;
};

/** What is wrong with the settings that stand in the project's own file, as JSON pointers into it. */
export async function settingFaults(dir: string): Promise<readonly Finding[]> {
  const { loadConfig } = await import("@agentflow/host/config");
  const { project, readText, variable } = await layersOf(dir, {});
  if (project === undefined || readText === undefined || variable === undefined) return [];
  try {
    await loadConfig(await settingsSchema(), { project, readText, variable });
    return [];
  } catch (error) {
    const faults = faultsOf(error);
    if (faults === undefined) throw error;
    return faults.map(({ key, message, suggestion }) => {
      const path = `/settings/${key.replaceAll(".", "/")}`;
      const hint = suggestion === undefined ? {} : { hint: suggestion };
      return { code: "AF907", severity: "error", path, message: `settings.${key}: ${message}`, ...hint };
    });
  }
}

function faultsOf(error: unknown): readonly Fault[] | undefined {
  if (!AgentFlowError.is(error) || error.reason !== "invalid_config") return undefined;
  const { faults } = error.details;
  return Array.isArray(faults) ? faults : undefined;
}

/** Which process of ours reads a key. */
export function readerOf({ key }: Pick<Origin, "key">): "host" | "control-plane" | "worker" {
  const [section] = key.split(".");
  if (section === "worker" || section === "sandbox" || key === "telemetry.content") return "worker";
  return section === "log" || section === "stopMs" ? "host" : "control-plane";
}

async function settingsSchema() {
  const [host, { controlPlaneSettings }, { sandboxSettings, spanSettings, workerSettings }] =
    await Promise.all([
      import("@agentflow/host/settings"),
      import("@agentflow/control-plane/settings"),
      import("@agentflow/runtime/settings"),
    ]);
  const { hostSettings, settings, whole } = host;
  return settings({
    // The form of its lines is the command line's choice: --json or text.
    log: hostSettings.log.omit({ format: true }),
    stopMs: whole(5_000, { about: "time for work in flight at Ctrl-C", min: 0, max: 600_000, reload: true }),
    ...controlPlaneSettings,
    telemetry: controlPlaneSettings.telemetry.extend(spanSettings),
    sandbox: settings(sandboxSettings),
    worker: settings({
      ...workerSettings,
      // On one machine a dead worker is seen at once: nothing has to be waited out.
      leaseMs: whole(3_000, { about: "how long a silent worker keeps its tasks", min: 500 }),
    }),
  });
}

const flagNames = {
  "api.host": "--host",
  "api.port": "--port",
  "worker.slots": "--slots",
  "log.level": "--debug",
} as const;

/** The project's own layer: its settings, and what it says of the pool. */
export function projectSource(path: string, pool: string): ConfigSource {
  const elsewhere = { "worker.slots": ["pools", pool, "concurrency"] };
  return { path, section: "settings", elsewhere };
}

async function layersOf(dir: string, flags: DevFlags): Promise<ConfigLayers> {
  const { readText, systemEnvironment, userConfigPath } = await import("@agentflow/host/system");
  const { openSecrets } = await import("@agentflow/host/secrets");
  const environment = systemEnvironment();
  const secrets = openSecrets({ projectDir: dir, environment });
  return {
    variable: (name) => secrets.variable(name),
    flags: {
      "api.host": flags.host,
      "api.port": flags.port,
      "worker.slots": flags.slots,
      "log.level": flags.debug === true ? "debug" : undefined,
    },
    flagNames,
    environment,
    project: projectSource(join(dir, "agentflow.yaml"), defaultPool),
    user: { path: userConfigPath(environment) },
    readText,
  };
}
