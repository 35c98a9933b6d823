/** A target's own settings, with their defaults and what they were told from elsewhere. */
import type { DockerTarget, KubernetesTarget } from "@agentflow/protocol";
import { defaultImages } from "../image/images.ts";
import type { Limits } from "./installation.ts";
import type { Variables } from "./references.ts";
import {
  defaultLimits,
  type DockerSettings,
  type KubernetesSettings,
  limitedParts,
  type TargetSettings,
  type ValueOrigin,
} from "./target.ts";

export interface Given {
  /** What a text stands for; notes where it came from. */
  readonly text: (pointer: string, value: string | undefined) => string | undefined;
  readonly pools: readonly string[];
  readonly project: string;
  readonly scale: Readonly<Record<string, number>>;
  readonly variables: Variables;
  readonly origins: Map<string, ValueOrigin>;
}

type Containers = DockerTarget | KubernetesTarget;

export function settingsOf(definition: Containers, of: Given): TargetSettings {
  return definition.kind === "docker" ? dockerSettings(definition, of) : kubernetesSettings(definition, of);
}

function dockerSettings(definition: DockerTarget, of: Given): DockerSettings {
  const { text } = of;
  const { api = {} } = definition;
  const host = text("/host", definition.host);
  const dockerContext = text("/dockerContext", definition.dockerContext);
  const { bus, nats, controlPlanes, workers, images, environment, limits } = commonSettings(definition, of);
  return {
    kind: "docker",
    ...(host === undefined ? {} : { host }),
    ...(dockerContext === undefined ? {} : { dockerContext }),
    bus,
    nats,
    controlPlanes,
    workers,
    images,
    api: { host: text("/api/host", api.host) ?? "127.0.0.1", port: api.port ?? 4_180 },
    environment,
    limits,
  };
}

function kubernetesSettings(definition: KubernetesTarget, of: Given): KubernetesSettings {
  const { text, project } = of;
  const { registry, ingress, runtimeClass, scaling = {}, storage = {}, nodeSelector = {} } = definition;
  const context = text("/context", definition.context);
  const imageLoad = text("/imageLoad", definition.imageLoad);
  return {
    kind: "kubernetes",
    ...(context === undefined ? {} : { context }),
    namespace: definition.namespace ?? project,
    ...(registry === undefined ? {} : { registry }),
    pullSecrets: definition.pullSecrets ?? [],
    ...(imageLoad === undefined ? {} : { imageLoad }),
    ...(ingress === undefined ? {} : { ingress }),
    ...commonSettings(definition, of),
    scaling: Object.fromEntries(Object.entries(scaling).sort(([a], [b]) => (a < b ? -1 : 1))),
    storage: { natsGb: 10, ...storage },
    ...(runtimeClass === undefined ? {} : { runtimeClass }),
    nodeSelector: record(
      Object.keys(nodeSelector).sort(),
      (label) => text(`/nodeSelector/${escapedLabel(label)}`, nodeSelector[label]) ?? "",
    ),
  };
}

function escapedLabel(label: string): string {
  return label.replaceAll("/", "~1");
}

function commonSettings(definition: Containers, of: Given): Omit<KubernetesSettings, "kind" | OwnKey> {
  const { text, pools, scale, variables, origins } = of;
  const { nats = {}, images = {}, workers = {}, limits = {}, environment = {} } = definition;
  const scaled = definition.kind === "kubernetes" ? (definition.scaling ?? {}) : {};
  const url = text("/nats/url", nats.url);
  const copies = (part: string, pointer: string, authored: number): number => {
    const told = Object.hasOwn(scale, part) ? scale[part] : undefined;
    if (told !== undefined) origins.set(pointer, { layer: "flag" });
    return told ?? authored;
  };
  const baseHere = variables["AF_BASE_IMAGE"];
  if (images.base === undefined && baseHere !== undefined && baseHere !== "")
    origins.set("/images/base", { layer: "environment", variable: "AF_BASE_IMAGE" });
  return {
    bus: "nats",
    nats: { replicas: nats.replicas ?? 1, ...(url === undefined ? {} : { url }) },
    controlPlanes: copies("control-plane", "/controlPlanes", definition.controlPlanes ?? 1),
    workers: record(pools, (pool) =>
      copies(`worker-${pool}`, `/workers/${pool}`, scaled[pool]?.min ?? workers[pool] ?? 1),
    ),
    images: {
      base: text("/images/base", images.base) ?? (baseHere || defaultImages.base),
      nats: text("/images/nats", images.nats) ?? defaultImages.nats,
    },
    environment: record(
      Object.keys(environment).sort(),
      (name) => text(`/environment/${name}`, environment[name]) ?? "",
    ),
    limits: record(limitedParts(pools), (part): Limits => ({ ...defaultLimits(part), ...limits[part] })),
  };
}

/** What only a target in a cluster has. */
type OwnKey =
  | "context"
  | "namespace"
  | "registry"
  | "pullSecrets"
  | "imageLoad"
  | "ingress"
  | "scaling"
  | "storage"
  | "runtimeClass"
  | "nodeSelector";

function record<T>(keys: readonly string[], valueOf: (key: string) => T): Readonly<Record<string, T>> {
  return Object.fromEntries(keys.map((key) => [key, valueOf(key)]));
}
