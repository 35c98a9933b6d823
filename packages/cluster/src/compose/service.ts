/** One copy of a part as a service. */
import { hardening } from "../model/hardening.ts";
import { healthTest } from "../model/health-test.ts";
import type { HealthCheck, Installation, Part, PartName } from "../model/installation.ts";
import { containerName, copyName, labels } from "../model/names.ts";
import { mountedVolume } from "../model/volumes.ts";
import { takesSecrets } from "./secrets.ts";

export interface Service {
  readonly image: string;
  readonly [key: string]: unknown;
}

const { tmpfs, logs } = hardening;

/** What every service has; those that differ say so. */
export const commonKeys = {
  user: hardening.user,
  init: true,
  read_only: true,
  tmpfs: [`${tmpfs.path}:rw,nosuid,nodev,size=${tmpfs.sizeMb}m,mode=1777`],
  cap_drop: ["ALL"],
  security_opt: ["no-new-privileges:true"],
  restart: "unless-stopped",
  logging: {
    driver: logs.driver,
    options: { "max-size": `${logs.fileBytesMax / (1024 * 1024)}m`, "max-file": String(logs.files) },
  },
};

export function serviceOf(installation: Installation, part: Part, copy: number): Service {
  const name = copyName(part.name, copy);
  const { limits } = part;
  return {
    image: part.image,
    container_name: containerName(installation, part.name, copy),
    ...(part.network === undefined
      ? { hostname: name }
      : { network_mode: `service:${copyName(part.network, 1)}` }),
    command: part.command.map(literal),
    ...environmentOf(part, name),
    ...(part.runs === "once" ? { restart: "no" } : {}),
    // Root's rights over files, for the engine's socket may be a group's; it has the engine anyway.
    ...(part.engine === undefined ? {} : { user: "0:0", cap_add: ["DAC_OVERRIDE"] }),
    cpus: limits.cpus,
    mem_limit: `${limits.memoryMb}m`,
    memswap_limit: `${limits.memoryMb}m`,
    pids_limit: limits.pids,
    stop_grace_period: seconds(part.stopMs),
    ...healthOf(part),
    ...dependsOn(installation, part),
    ...mountsOf(installation, part, copy),
    ...publishedPorts(installation, part, copy),
    labels: labelsOf(installation, part.name, copy),
  };
}

export function labelsOf(
  { project, target, version }: Installation,
  part: PartName | "secrets",
  copy: number,
): Record<string, string> {
  return {
    [labels.project]: project,
    [labels.target]: target,
    [labels.part]: part,
    [labels.copy]: String(copy),
    [labels.version]: version,
  };
}

function environmentOf(part: Part, name: string): { environment?: Record<string, string> } {
  const own = part.nameIn === undefined ? {} : { [part.nameIn]: name };
  const all = Object.entries({ ...part.environment, ...own }).sort(([a], [b]) => (a < b ? -1 : 1));
  if (all.length === 0) return {};
  return { environment: Object.fromEntries(all.map(([key, value]) => [key, literal(value)])) };
}

/** Compose puts variables in for `$NAME`: what is meant as it stands has two. */
function literal(text: string): string {
  return text.replaceAll("$", "$$$$");
}

function healthOf(part: Part): { healthcheck?: unknown } {
  const test = healthTest(part);
  const { health } = part;
  if (test === undefined || health === undefined) return {};
  return { healthcheck: { test: ["CMD", ...test.map(literal)], ...times(health) } };
}

function times({ everyMs, timeoutMs, retries, startMs }: HealthCheck): Record<string, unknown> {
  return {
    interval: seconds(everyMs),
    timeout: seconds(timeoutMs),
    retries,
    start_period: seconds(startMs),
  };
}

function seconds(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

function dependsOn(installation: Installation, part: Part): { depends_on?: unknown } {
  const named = installation.parts.filter(({ name }) => part.after.includes(name));
  const entries = named.flatMap(({ name, replicas, runs }) => {
    const condition = runs === "once" ? "service_completed_successfully" : "service_healthy";
    return Array.from({ length: replicas }, (_, n) => [copyName(name, n + 1), { condition }] as const);
  });
  const secrets =
    part.secretsAt !== undefined && takesSecrets(installation)
      ? [["secrets-1", { condition: "service_completed_successfully" }] as const]
      : [];
  const all = [...entries, ...secrets];
  return all.length === 0 ? {} : { depends_on: Object.fromEntries(all) };
}

function mountsOf(installation: Installation, part: Part, copy: number): { volumes?: unknown } {
  const own = part.mounts.map((mount) => ({
    type: "volume",
    source: mountedVolume(installation, mount, copy),
    target: mount.path,
    ...(mount.readOnly ? { read_only: true } : {}),
  }));
  const secrets =
    part.secretsAt !== undefined && takesSecrets(installation)
      ? [
          {
            type: "volume",
            source: "secrets",
            target: part.secretsAt,
            read_only: true,
            volume: { nocopy: true },
          },
        ]
      : [];
  const { engine } = part;
  const socket =
    engine === undefined
      ? []
      : [{ type: "bind", source: engine.socket, target: engine.path, read_only: true }];
  const all = [...own, ...secrets, ...socket];
  return all.length === 0 ? {} : { volumes: all };
}

function publishedPorts({ api }: Installation, part: Part, copy: number): { ports?: readonly string[] } {
  const [port] = part.ports;
  if (part.name !== api.part || port === undefined) return {};
  const host = api.host.includes(":") ? `[${api.host}]` : api.host;
  return { ports: [`${host}:${api.port + copy - 1}:${port}`] };
}
