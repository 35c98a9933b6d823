/** A target of agentflow.yaml as it holds: the project with the overlay, the target with its defaults. */
import type {
  Finding,
  IngressTarget,
  JsonObject,
  PoolName,
  ProjectDefinition,
  ScalingTarget,
} from "@agentflow/protocol";
import type { Limits, PartName } from "./installation.ts";

export interface OpenedTarget<Settings extends TargetSettings = TargetSettings> {
  readonly name: string;
  /** Effective: with the overlay, and without `targets`. References are still in it. */
  readonly project: ProjectDefinition;
  readonly document: JsonObject;
  readonly settings: Settings;
  /** Of each leaf of `document`, by JSON pointer. */
  readonly origins: ReadonlyMap<string, ValueOrigin>;
  /** Of each leaf of `settings`, by JSON pointer. */
  readonly settingOrigins: ReadonlyMap<string, ValueOrigin>;
  /** Variables that the project's references name and that have a value here; never a key. */
  readonly variables: Readonly<Record<string, string>>;
  /** Secrets that agentflow.yaml names, sorted; tools may ask for more. */
  readonly secrets: readonly string[];
}

/** Keys are those of the target in agentflow.yaml; what it leaves out has its default. */
export type TargetSettings = DockerSettings | KubernetesSettings;

interface ContainerSettings {
  readonly bus: "nats";
  readonly nats: { readonly replicas: 1 | 3 | 5; readonly url?: string };
  readonly controlPlanes: number;
  readonly workers: Readonly<Record<string, number>>;
  readonly images: { readonly base: string; readonly nats: string };
  readonly environment: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, Limits>>;
}

export interface DockerSettings extends ContainerSettings {
  readonly kind: "docker";
  readonly host?: string;
  readonly dockerContext?: string;
  readonly api: { readonly host: string; readonly port: number };
}

export interface KubernetesSettings extends ContainerSettings {
  readonly kind: "kubernetes";
  readonly context?: string;
  readonly namespace: string;
  readonly registry?: string;
  readonly pullSecrets: readonly string[];
  readonly imageLoad?: string;
  readonly ingress?: IngressTarget;
  readonly scaling: Readonly<Record<string, ScalingTarget>>;
  readonly storage: { readonly className?: string; readonly natsGb: number; readonly filesGb?: number };
  readonly runtimeClass?: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
}

/** Where a value comes from; the strongest layer last: default, project, overlay, environment, flag. */
export type ValueOrigin =
  | { readonly layer: "default" }
  /** Pointers into agentflow.yaml. */
  | { readonly layer: "project" | "overlay"; readonly pointer: string }
  /** The reference stands at the pointer, or nothing does: then the variable itself is the setting. */
  | { readonly layer: "environment"; readonly variable: string; readonly pointer?: string }
  | { readonly layer: "flag" };

/** A target that agentflow.yaml need not name. */
export const implicitTarget = "docker";

/** Unless the target says otherwise. A worker holds a supervisor and runners, each with a heap of its own. */
export function defaultLimits(part: string): Limits {
  return { cpus: 1, memoryMb: part.startsWith("worker-") ? 1_024 : 512, pids: 512 };
}

export function workerPart(pool: PoolName): PartName {
  return `worker-${pool}`;
}

/** Parts whose copies may be limited: what runs for long. */
export function limitedParts(pools: Iterable<string>): readonly string[] {
  return ["nats", "control-plane", ...[...pools].map((pool) => `worker-${pool}`)];
}

/** Pools that the project has: those it names, and `default` in any case. */
export function poolsOf({ pools = {} }: Pick<ProjectDefinition, "pools">): readonly string[] {
  return [...new Set(["default", ...Object.keys(pools)])].sort();
}

/** What an overlay may hold: what the project is, not what it is called nor where else it runs. */
export const overlaid = [
  "description",
  "models",
  "pools",
  "budgets",
  "sandbox",
  "settings",
  "flags",
] as const;

export interface Judged {
  /** Effective; undefined when the findings say why there is none. */
  readonly effective?: { readonly project: ProjectDefinition; readonly document: JsonObject };
  readonly given: ReadonlySet<string>;
  readonly findings: readonly Finding[];
}
