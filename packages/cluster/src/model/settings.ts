/** What the parts are told by their environment. */
import {
  AgentFlowError,
  type BuildId,
  type Json,
  parseId,
  type PoolName,
  type ProjectDefinition,
} from "@agentflow/protocol";
import { natsHost, releaseName } from "./names.ts";
import { isObject } from "./overlay.ts";
import { referencesIn, resolveText, type Variables } from "./references.ts";
import type { Rendering } from "./rendering.ts";
import type { OpenedTarget } from "./target.ts";

export const ports = { api: 4_180, workerHealth: 4_181, nats: 4_222, routes: 6_222, monitor: 8_222 } as const;

/** Copies of NATS that are ours; none when the target names a server. */
export function natsCopies({ settings }: OpenedTarget): number {
  return settings.nats.url === undefined ? settings.nats.replicas : 0;
}

/** By which name the n-th of our servers is found. */
export function natsHostOf({ name, project, settings }: OpenedTarget, copy: number | "{n}"): string {
  if (settings.kind === "docker") return `nats-${copy}`;
  return natsHost(releaseName({ project: project.name, target: name }), copy);
}

/** How a part reaches the bus, and as whom. */
export function busEnvironment(
  target: OpenedTarget,
  identity: { readonly seedFile: string; readonly inbox: string },
): Record<string, string> {
  const { url } = target.settings.nats;
  if (url !== undefined) return { AF_BUS__SERVERS: url };
  const servers = Array.from(
    { length: natsCopies(target) },
    (_, n) => `nats://${natsHostOf(target, n + 1)}:${ports.nats}`,
  );
  return {
    AF_BUS__SERVERS: servers.join(","),
    AF_BUS__NKEY: identity.seedFile,
    AF_BUS__INBOX: identity.inbox,
  };
}

/** Of workers in a cluster: what names the project's image by its content, in its tag or its digest. */
export function buildOf(image: string): BuildId {
  const [, inTag, inDigest] = /(?:[:-]([0-9a-f]{12})|@sha256:([0-9a-f]{12})[0-9a-f]{52})$/.exec(image) ?? [];
  const digits = inTag ?? inDigest;
  if (digits !== undefined) return parseId("build", digits);
  throw new AgentFlowError("invalid_input", `the image ${image} does not name the build of its workers`, {
    reason: "image_without_build",
    details: { image },
    suggestions: ["its tag ends with 12 hexadecimal digits, as af builds it, or it has a digest (@sha256:…)"],
  });
}

/** What an orderly end may take, and a little: `stopMs` of the project, else what the service has. */
export function stopWithin({ project }: OpenedTarget, byDefaultMs: number): number {
  const told = project.settings?.["stopMs"];
  return (typeof told === "number" ? told : byDefaultMs) + 10_000;
}

/** Sorted by name, as the model promises. */
export function sorted(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What workers are given: what agentflow.yaml names, and what the code asks for. */
export function secretsOf({
  target,
  secrets = [],
}: Pick<Rendering, "target" | "secrets">): readonly string[] {
  return [...new Set([...target.secrets, ...secrets])].sort();
}

/** Sorted, as the target's settings have them. */
export function poolNames(target: OpenedTarget): readonly PoolName[] {
  return Object.keys(target.settings.workers).map((pool) => parseId("pool", pool));
}

/** Sections of `settings:` that a control plane reads; what it cannot read there, it is not told. */
const ofControlPlanes: readonly (readonly string[])[] = [
  ["api", "hosts"],
  ["api", "origins"],
  ["api", "limits"],
  ["engine"],
  ["log"],
  ["retain"],
  ["stopMs"],
  ["telemetry", "otlp"],
];

/** `settings:` of the project, as far as they are a control plane's: as the variables that say the same. */
export function controlPlaneSettings(
  { project }: OpenedTarget,
  variables: Variables,
): Record<string, string> {
  const told: Record<string, string> = {};
  for (const path of ofControlPlanes) tell(at(project.settings, path), path, { told, variables });
  return told;
}

/** Whether a control plane of this project needs a secret of it: a collector's key, for one. */
export function controlPlaneNeedsSecrets({ project }: OpenedTarget): boolean {
  return ofControlPlanes.some((path) =>
    referencesIn(at(project.settings, path) ?? null).some(({ reference }) => reference.kind === "secret"),
  );
}

function at(settings: ProjectDefinition["settings"], path: readonly string[]): Json | undefined {
  let found: Json | undefined = settings;
  for (const key of path) found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  return found;
}

interface Telling {
  readonly told: Record<string, string>;
  readonly variables: Variables;
}

function tell(value: Json | undefined, path: readonly string[], { told, variables }: Telling): void {
  if (value === undefined || value === null) return;
  if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) tell(inner, [...path, key], { told, variables });
    return;
  }
  const list: readonly Json[] = Array.isArray(value) ? value : [value];
  told[variableOf(path)] = list.map((one) => plain(one, variables)).join(",");
}

function plain(value: Json, variables: Variables): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return resolveText(value, variables)?.text ?? value;
}

/** `retain.everyMs` is AF_RETAIN__EVERY_MS. */
function variableOf(path: readonly string[]): string {
  const words = path.map((key) =>
    key
      .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
      .replaceAll("-", "_")
      .toUpperCase(),
  );
  return `AF_${words.join("__")}`;
}
