/** Opens a target of a project: what is wrong with it is one error, everything else has an origin. */
import {
  AgentFlowError,
  type DockerTarget,
  type Finding,
  type JsonObject,
  type KubernetesTarget,
  nearest,
  type ProjectDefinition,
} from "@agentflow/protocol";
import { judgeTarget, natsUrlFindings } from "./judge.ts";
import { leavesOf } from "./overlay.ts";
import { parseProject, plainJson } from "./parse-project.ts";
import { notSet, referencesIn, resolveText, type Variables } from "./references.ts";
import { settingsOf } from "./target-settings.ts";
import {
  type DockerSettings,
  implicitTarget,
  type KubernetesSettings,
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
 * a target that is not there, and with `invalid_input` for one without containers.
 */
export async function openTarget(opening: OpeningTarget): Promise<OpenedTarget> {
  const parsed = await parseProject(opening.authored);
  if ("faults" in parsed) {
    throw refused(parsed.faults.map((fault) => ({ code: "AF907", severity: "error", ...fault })));
  }
  const { project, document } = parsed;
  const name = opening.target;
  const definition = containerTarget(project, name);
  const judged = await judgeTarget({ name, definition, document });
  const { effective, findings, given } = judged;
  if (effective === undefined) throw refused(findings);
  const reading = readSettings(definition, {
    ...opening,
    pools: poolsOf(effective.project),
    project: project.name,
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

/** Names of the targets in a cluster, in the order of the file. */
export function kubernetesTargets({ targets = {} }: Pick<ProjectDefinition, "targets">): readonly string[] {
  return Object.entries(targets).flatMap(([name, { kind }]) => (kind === "kubernetes" ? [name] : []));
}

/** Refuses with `invalid_input` what is for a cluster. */
export function onDocker({ name, settings }: Pick<OpenedTarget, "name" | "settings">): DockerSettings {
  if (settings.kind === "docker") return settings;
  throw otherKind(name, { is: settings.kind, wanted: "docker", next: `af deploy ${name} brings it there` });
}

/** Refuses with `invalid_input` what is for an engine. */
export function onKubernetes({
  name,
  settings,
}: Pick<OpenedTarget, "name" | "settings">): KubernetesSettings {
  if (settings.kind === "kubernetes") return settings;
  throw otherKind(name, { is: settings.kind, wanted: "kubernetes", next: `af up ${name} brings it there` });
}

/** The same target on an engine: what a compose file can say of it. */
export function asDocker(target: OpenedTarget): OpenedTarget<DockerSettings> {
  const { bus, nats, controlPlanes, workers, images, environment, limits } = target.settings;
  const api = { host: "127.0.0.1", port: 4_180 };
  const kept = { bus, nats, controlPlanes, workers, images, environment, limits };
  return { ...target, settings: { kind: "docker", ...kept, api } };
}

function containerTarget(project: ProjectDefinition, name: string): DockerTarget | KubernetesTarget {
  const { targets = {} } = project;
  const found = Object.hasOwn(targets, name) ? targets[name] : undefined;
  const docker = dockerTargets(project);
  if (found?.kind === "docker" || found?.kind === "kubernetes") return found;
  if (found !== undefined) {
    const next = "af dev runs it here, without containers";
    throw otherKind(name, { is: "local", wanted: "docker or kubernetes", next });
  }
  if (docker.includes(name)) return { kind: "docker" };
  const near = nearest(name, Object.keys(targets));
  const known = [...new Set([...Object.keys(targets), ...docker])];
  const shown = JSON.stringify(name.slice(0, 80));
  throw new AgentFlowError("not_found", `agentflow.yaml names no target ${shown}`, {
    reason: "no_target",
    details: { targets: known },
    suggestions: [
      ...(near === undefined ? [] : [`did you mean ${near}?`]),
      `targets of this project: ${known.join(", ")}`,
    ],
  });
}

interface OtherKind {
  readonly is: string;
  readonly wanted: string;
  readonly next: string;
}

function otherKind(name: string, { is, wanted, next }: OtherKind): AgentFlowError {
  return new AgentFlowError("invalid_input", `the target ${name} is ${is}, not ${wanted}`, {
    reason: "target_kind",
    suggestions: [next],
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
  readonly project: string;
  readonly at: string;
}

function readSettings(
  definition: DockerTarget | KubernetesTarget,
  { pools, project, at, variables, scale = {} }: Reading,
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
  const settings = settingsOf(definition, { text, pools, project, scale, variables, origins });
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
