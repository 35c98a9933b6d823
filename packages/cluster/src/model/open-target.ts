/** Opens a target of a project: what is wrong with it is one error, everything else has an origin. */
import {
  AgentFlowError,
  type DockerTarget,
  type Finding,
  type JsonObject,
  nearest,
  type ProjectDefinition,
  type TargetDefinition,
} from "@agentflow/protocol";
import { defaultImages } from "../image/images.ts";
import type { Limits } from "./installation.ts";
import { judgeTarget, natsUrlFindings } from "./judge.ts";
import { leavesOf } from "./overlay.ts";
import { parseProject, plainJson } from "./parse-project.ts";
import { notSet, referencesIn, resolveText, type Variables } from "./references.ts";
import {
  defaultLimits,
  implicitTarget,
  limitedParts,
  type OpenedTarget,
  poolsOf,
  type TargetSettings,
  type ValueOrigin,
} from "./target.ts";

export interface OpeningTarget {
  /** agentflow.yaml as plain data. */
  readonly authored: unknown;
  /** Which one; `docker` need not be named in the file when no other target is a Docker engine. */
  readonly target: string;
  /** What `env://NAME` stands for: of the process and of the project's `.env`. */
  readonly variables: Variables;
  /** Copies by part (`control-plane`, `worker-<pool>`), instead of what the file says. */
  readonly scale?: Readonly<Record<string, number>>;
}

/**
 * Refuses with `invalid_project` (`details.findings` hold pointers into agentflow.yaml), with `not_found` for
 * a target that is not there, and with `invalid_input` for one of another kind.
 */
export async function openTarget(opening: OpeningTarget): Promise<OpenedTarget> {
  const parsed = await parseProject(opening.authored);
  if ("faults" in parsed) {
    throw refused(parsed.faults.map((fault) => ({ code: "AF907", severity: "error", ...fault })));
  }
  const { project, document } = parsed;
  const name = opening.target;
  const definition = dockerTarget(project, name);
  const judged = await judgeTarget({ name, definition, document });
  const { effective, findings, given } = judged;
  if (effective === undefined) throw refused(findings);
  const reading = readSettings(definition, {
    ...opening,
    pools: poolsOf(effective.project),
    at: `/targets/${name}`,
  });
  const values = readReferences(effective.document, { name, given, variables: opening.variables });
  const all = [...findings, ...reading.findings, ...values.findings];
  if (all.some(({ severity }) => severity === "error")) throw refused(all);
  return {
    name,
    ...effective,
    settings: reading.settings,
    settingOrigins: reading.origins,
    origins: values.origins,
    variables: values.variables,
    secrets: values.secrets,
  };
}

/** Names of the targets that `af up` can take, the implicit one among them where there is no other. */
export function dockerTargets({ targets = {} }: Pick<ProjectDefinition, "targets">): readonly string[] {
  const named = Object.entries(targets).flatMap(([name, { kind }]) => (kind === "docker" ? [name] : []));
  return named.length === 0 && !Object.hasOwn(targets, implicitTarget) ? [implicitTarget] : named;
}

function dockerTarget(project: ProjectDefinition, name: string): DockerTarget {
  const { targets = {} } = project;
  const found = Object.hasOwn(targets, name) ? targets[name] : undefined;
  const docker = dockerTargets(project);
  if (found?.kind === "docker") return found;
  if (found !== undefined) throw otherKind(name, found, docker);
  if (docker.includes(name)) return { kind: "docker" };
  const near = nearest(name, Object.keys(targets));
  throw new AgentFlowError(
    "not_found",
    `agentflow.yaml names no target ${JSON.stringify(name.slice(0, 80))}`,
    {
      reason: "no_target",
      details: { targets: [...new Set([...Object.keys(targets), ...docker])] },
      suggestions: [
        ...(near === undefined ? [] : [`did you mean ${near}?`]),
        `targets of this project: ${[...new Set([...Object.keys(targets), ...docker])].join(", ")}`,
      ],
    },
  );
}

function otherKind(
  name: string,
  { kind = "local" }: TargetDefinition,
  docker: readonly string[],
): AgentFlowError {
  const next =
    kind === "local" ? "af dev runs it here, without containers" : "it is for a cluster, not for an engine";
  return new AgentFlowError("invalid_input", `the target ${name} is ${kind}, not docker`, {
    reason: "target_kind",
    suggestions: [next, ...(docker.length === 0 ? [] : [`targets on Docker: ${docker.join(", ")}`])],
  });
}

function refused(findings: readonly Finding[]): AgentFlowError {
  const [first] = findings;
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : "";
  return new AgentFlowError("invalid_project", `${first?.message ?? "agentflow.yaml has faults"}${more}`, {
    reason: "invalid_target",
    details: { findings },
    suggestions: ["af validate"],
  });
}

interface Reading extends Omit<OpeningTarget, "authored"> {
  readonly pools: readonly string[];
  readonly at: string;
}

function readSettings(
  definition: DockerTarget,
  { pools, at, variables, scale = {} }: Reading,
): { settings: TargetSettings; origins: Map<string, ValueOrigin>; findings: Finding[] } {
  const findings: Finding[] = [];
  const origins = new Map<string, ValueOrigin>();
  const text = (pointer: string, value: string | undefined): string | undefined => {
    if (value === undefined) return undefined;
    const resolved = resolveText(value, variables);
    if (resolved?.variable !== undefined && resolved.byDefault !== true) {
      origins.set(pointer, { layer: "environment", variable: resolved.variable, pointer: at + pointer });
    }
    if (resolved === undefined) findings.push(notSet(at + pointer, value.slice("env://".length)));
    return resolved?.text;
  };
  const settings = settingsOf(definition, { text, pools, scale, variables, origins });
  const { url } = settings.nats;
  // What stands in the file was looked at with the file.
  const isElsewhere = url !== undefined && url !== definition.nats?.url;
  if (isElsewhere) findings.push(...natsUrlFindings(url, `${at}/nats/url`));
  const authored = new Set(leavesOf(plainJson(definition)).map(([pointer]) => pointer));
  for (const [pointer] of leavesOf(plainJson(settings))) {
    if (origins.has(pointer)) continue;
    const isAuthored = authored.has(pointer);
    origins.set(pointer, isAuthored ? { layer: "project", pointer: at + pointer } : { layer: "default" });
  }
  return { settings, origins, findings };
}

interface Given {
  readonly text: (pointer: string, value: string | undefined) => string | undefined;
  readonly pools: readonly string[];
  readonly scale: Readonly<Record<string, number>>;
  readonly variables: Variables;
  readonly origins: Map<string, ValueOrigin>;
}

function settingsOf(definition: DockerTarget, of: Given): TargetSettings {
  const { text, pools, scale, variables, origins } = of;
  const { nats = {}, images = {}, api = {}, workers = {}, limits = {}, environment = {} } = definition;
  const host = text("/host", definition.host);
  const dockerContext = text("/dockerContext", definition.dockerContext);
  const url = text("/nats/url", nats.url);
  const copies = (part: string, pointer: string, authored: number): number => {
    const scaled = Object.hasOwn(scale, part) ? scale[part] : undefined;
    if (scaled !== undefined) origins.set(pointer, { layer: "flag" });
    return scaled ?? authored;
  };
  const baseHere = variables["AF_BASE_IMAGE"];
  if (images.base === undefined && baseHere !== undefined && baseHere !== "")
    origins.set("/images/base", { layer: "environment", variable: "AF_BASE_IMAGE" });
  return {
    kind: "docker",
    ...(host === undefined ? {} : { host }),
    ...(dockerContext === undefined ? {} : { dockerContext }),
    bus: "nats",
    nats: { replicas: nats.replicas ?? 1, ...(url === undefined ? {} : { url }) },
    controlPlanes: copies("control-plane", "/controlPlanes", definition.controlPlanes ?? 1),
    workers: record(pools, (pool) => copies(`worker-${pool}`, `/workers/${pool}`, workers[pool] ?? 1)),
    images: {
      base: text("/images/base", images.base) ?? (baseHere || defaultImages.base),
      nats: text("/images/nats", images.nats) ?? defaultImages.nats,
    },
    api: { host: text("/api/host", api.host) ?? "127.0.0.1", port: api.port ?? 4_180 },
    environment: record(
      Object.keys(environment).sort(),
      (name) => text(`/environment/${name}`, environment[name]) ?? "",
    ),
    limits: record(limitedParts(pools), (part): Limits => ({ ...defaultLimits(part), ...limits[part] })),
  };
}

function record<T>(keys: readonly string[], valueOf: (key: string) => T): Readonly<Record<string, T>> {
  return Object.fromEntries(keys.map((key) => [key, valueOf(key)]));
}

interface Effective {
  readonly name: string;
  readonly given: ReadonlySet<string>;
  readonly variables: Variables;
}

function readReferences(
  document: JsonObject,
  { name, given, variables }: Effective,
): Pick<OpenedTarget, "origins" | "variables" | "secrets"> & { findings: Finding[] } {
  const findings: Finding[] = [];
  const origins = new Map<string, ValueOrigin>();
  const found = new Map<string, string>();
  const secrets = new Set<string>();
  const placeOf = (path: string): ValueOrigin & { pointer: string } => {
    const isGiven = [...given].some((one) => path === one || path.startsWith(`${one}/`));
    return isGiven
      ? { layer: "overlay", pointer: `/targets/${name}/overlay${path}` }
      : { layer: "project", pointer: path };
  };
  for (const [pointer] of leavesOf(document)) origins.set(pointer, placeOf(pointer));
  for (const { path, reference } of referencesIn(document)) {
    if (reference.kind === "secret") {
      secrets.add(reference.name);
      continue;
    }
    const value = variables[reference.name];
    const { pointer } = placeOf(path);
    if (value !== undefined && value !== "") {
      found.set(reference.name, value);
      if (origins.has(path)) origins.set(path, { layer: "environment", variable: reference.name, pointer });
    } else if (reference.default === undefined) findings.push(notSet(pointer, reference.name));
  }
  return {
    origins,
    findings,
    variables: Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1))),
    secrets: [...secrets].sort(),
  };
}
