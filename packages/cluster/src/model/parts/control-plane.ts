import type { Mount, Part } from "../installation.ts";
import { releaseName } from "../names.ts";
import { defaultLimits, type KubernetesSettings, type OpenedTarget } from "../target.ts";
import { paths } from "../paths.ts";
import type { Rendering } from "../rendering.ts";
import {
  busEnvironment,
  controlPlaneNeedsSecrets,
  controlPlaneSettings,
  natsCopies,
  natsHostOf,
  ports,
  sorted,
  stopWithin,
} from "../settings.ts";

export function controlPlanePart({ target, images }: Rendering): Part {
  const { settings } = target;
  const needsSecrets = controlPlaneNeedsSecrets(target);
  const state: Mount = { volume: "control-plane", path: paths.state, readOnly: false };
  return {
    name: "control-plane",
    role: "control-plane",
    replicas: settings.controlPlanes,
    runs: "always",
    image: images.controlPlane,
    command: ["server"],
    environment: sorted({
      ...controlPlaneSettings(target, target.variables),
      ...busEnvironment(target, {
        seedFile: `${paths.keys}/control-plane.nk`,
        inbox: "_AF.control-plane",
      }),
      ...ownerEnvironment(target),
      AF_API__HOST: "0.0.0.0",
      AF_API__PORT: String(ports.api),
      AF_API__HOSTS: names(target).join(","),
      AF_STATE: paths.state,
      AF_TOKEN_FILE: `${paths.keys}/token`,
      ...(needsSecrets ? { AF_SECRETS_DIR: paths.secrets } : {}),
    }),
    nameIn: "AF_NODE",
    files: [],
    mounts: [{ volume: "keys-control-plane", path: paths.keys, readOnly: true }, state],
    ...(needsSecrets ? { secretsAt: paths.secrets } : {}),
    ports: [ports.api],
    health: {
      port: ports.api,
      path: "/readyz",
      everyMs: 5_000,
      timeoutMs: 3_000,
      retries: 5,
      startMs: 60_000,
    },
    limits: settings.limits["control-plane"] ?? defaultLimits("control-plane"),
    stopMs: stopWithin(target, 10_000),
    after: natsCopies(target) > 0 ? ["nats"] : ["keys"],
  };
}

function ownerEnvironment(target: OpenedTarget): Record<string, string> {
  const replicas = { AF_BUS__REPLICAS: String(target.settings.nats.replicas) };
  if (natsCopies(target) === 0) return replicas;
  return {
    ...replicas,
    AF_BUS__ARCHIVER: `${paths.keys}/archiver.nk`,
    AF_BUS__MONITOR: `http://${natsHostOf(target, 1)}:${ports.monitor}`,
  };
}

/** Ports from the first on for which names are told: so many copies come without a change of these. */
const copiesAhead = 8;

/**
 * Names by which it is asked from outside: of the machine that publishes it, with the port of each copy.
 * An address that stands for all addresses is no name: then `settings.api.hosts` says which.
 */
function names({ name, project, settings }: OpenedTarget): readonly string[] {
  const further = namesOf(project.settings);
  if (settings.kind === "kubernetes") {
    return [...clusterNames(releaseName({ project: project.name, target: name }), settings), ...further];
  }
  const { host, port } = settings.api;
  const isAny = host === "0.0.0.0" || host === "::";
  const hosts = [...new Set(["127.0.0.1", "localhost", ...(isAny ? [] : [inUrl(host)])])];
  const last = Math.min(65_535, port + Math.max(copiesAhead, settings.controlPlanes) - 1);
  const published = Array.from({ length: last - port + 1 }, (_, n) =>
    hosts.map((name) => `${name}:${port + n}`),
  );
  return [...published.flat(), ...further];
}

/** Of the Service, of the ingress, and of this machine at the port that a forward has taken. */
function clusterNames(release: string, { namespace, ingress }: KubernetesSettings): readonly string[] {
  const service = `${release}-control-plane`;
  const inside = [service, `${service}.${namespace}`, `${service}.${namespace}.svc`];
  const all = [...inside, `${service}.${namespace}.svc.cluster.local`].map((one) => `${one}:${ports.api}`);
  return ["127.0.0.1:*", "localhost:*", ...all, ...(ingress === undefined ? [] : [ingress.host])];
}

function namesOf(settings: OpenedTarget["project"]["settings"]): readonly string[] {
  const api = settings?.["api"];
  const named: unknown = typeof api === "object" && api !== null ? Reflect.get(api, "hosts") : undefined;
  return Array.isArray(named) ? named.filter((name) => typeof name === "string") : [];
}

function inUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
