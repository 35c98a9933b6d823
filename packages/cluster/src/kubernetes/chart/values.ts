/** What an operator of the chart has a say in, with what the release says by itself. */
import type { Json, JsonObject } from "@agentflow/protocol";
import { isObject, listOf } from "../../model/overlay.ts";
import { onKubernetes } from "../../model/open-target.ts";
import type { Rendering } from "../../model/rendering.ts";
import { kubernetesLabels } from "../labels.ts";
import type { KubernetesObject } from "../object.ts";
import { type Release, releaseNames } from "../release.ts";
import { objectYaml } from "../yaml.ts";

export interface ChartValues {
  readonly values: JsonObject;
  /** values.yaml, each section with what it is for. */
  readonly text: string;
}

export function valuesOf({ target, images }: Rendering, release: Release): ChartValues {
  const { ingress, pullSecrets, nodeSelector, storage } = onKubernetes(target);
  const storageOf = (gb: number): JsonObject => ({ className: storage.className ?? "", size: `${gb}Gi` });
  const nats = resourcesOf(release, "nats");
  const sections: readonly (readonly [key: string, about: string, value: Json | undefined])[] = [
    ["images", "By reference. Another worker image is another build: change both.", { ...images }],
    ["build", "12 hexadecimal digits that name the worker image by its content.", release.build],
    [
      "imagePullSecrets",
      "Secrets of the namespace with which nodes pull.",
      pullSecrets.map((name) => ({ name })),
    ],
    ["nodeSelector", "Labels that a node must have.", nodeSelector],
    [
      "secrets",
      "A Secret with the project's secrets, a key for each; there need not be one.",
      { name: releaseNames.secrets(release.name) },
    ],
    [
      "nats",
      "Our own servers. How many there are is no value: their data belongs together.",
      nats === undefined ? undefined : { resources: nats, storage: storageOf(storage.natsGb) },
    ],
    [
      "controlPlane",
      "Control planes: any number of copies.",
      {
        replicas: replicasOf(release, "control-plane"),
        resources: resourcesOf(release, "control-plane") ?? {},
      },
    ],
    ["workers", "By pool.", workersOf(target, release)],
    [
      "files",
      "The volume in which tools leave files; its class must allow ReadWriteMany.",
      storage.filesGb === undefined ? undefined : { storage: storageOf(storage.filesGb) },
    ],
    [
      "ingress",
      "The API from outside of the cluster.",
      {
        enabled: ingress !== undefined,
        host: ingress?.host ?? "",
        className: ingress?.className ?? "",
        tlsSecret: ingress?.tlsSecret ?? "",
      },
    ],
  ];
  const there = sections.flatMap(([key, about, value]) =>
    value === undefined ? [] : [{ key, about, value }],
  );
  return {
    values: Object.fromEntries(there.map(({ key, value }) => [key, value])),
    text: there.map(({ key, about, value }) => `\n# ${about}\n${objectYaml({ [key]: value })}`).join(""),
  };
}

function workersOf(target: Rendering["target"], release: Release): JsonObject {
  const { scaling } = onKubernetes(target);
  const pools = release.objects.flatMap(({ kind, metadata }): string[] => {
    const pool = isObject(metadata["labels"]) ? metadata["labels"][kubernetesLabels.pool] : undefined;
    return kind === "Deployment" && typeof pool === "string" ? [pool] : [];
  });
  return Object.fromEntries(
    pools.map((pool): [string, JsonObject] => {
      const part = `worker-${pool}`;
      const resources = resourcesOf(release, part) ?? {};
      const scaled = scaling[pool];
      if (scaled === undefined) return [pool, { replicas: replicasOf(release, part), resources }];
      return [pool, { scaling: { min: scaled.min, max: scaled.max }, resources }];
    }),
  );
}

function workloadOf({ objects }: Release, part: string): KubernetesObject | undefined {
  return objects.find(({ kind, metadata }) => {
    const labels = isObject(metadata["labels"]) ? metadata["labels"] : {};
    return (kind === "Deployment" || kind === "StatefulSet") && labels[kubernetesLabels.part] === part;
  });
}

function replicasOf(release: Release, part: string): number {
  const spec = workloadOf(release, part)?.["spec"];
  const replicas = isObject(spec) ? spec["replicas"] : undefined;
  return typeof replicas === "number" ? replicas : 1;
}

function resourcesOf(release: Release, part: string): JsonObject | undefined {
  let value: Json | undefined = workloadOf(release, part)?.["spec"];
  for (const key of ["template", "spec", "containers"]) value = isObject(value) ? value[key] : undefined;
  const [container] = listOf(value);
  const resources: Json | undefined = isObject(container) ? container["resources"] : undefined;
  return isObject(resources) ? resources : undefined;
}

/** What another value may be: of the same shape, with no key that no template reads. */
export function valuesSchema(values: JsonObject): JsonObject {
  return { $schema: "https://json-schema.org/draft-07/schema#", ...schemaOf(values, "") };
}

/** Kept as they are: whatever a cluster takes there. */
const free = new Set(["resources", "nodeSelector", "imagePullSecrets"]);

function schemaOf(value: Json, key: string): JsonObject {
  if (Array.isArray(value)) return { type: "array", items: { type: "object" } };
  if (isObject(value)) {
    if (free.has(key)) return { type: "object" };
    const properties = Object.entries(value).map(([name, inner]) => [name, schemaOf(inner, name)] as const);
    return { type: "object", additionalProperties: false, properties: Object.fromEntries(properties) };
  }
  if (typeof value === "number") return { type: "integer", minimum: 0 };
  if (typeof value === "boolean") return { type: "boolean" };
  if (key === "build") return { type: "string", pattern: "^[0-9a-f]{12}$" };
  if (key === "size") return { type: "string", pattern: "^[0-9]+([KMGTPE]i?)?$" };
  return { type: "string" };
}
