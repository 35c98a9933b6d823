/** What every object of a release is made with. */
import type { BuildId, JsonObject } from "@agentflow/protocol";
import type { Installation, Part } from "../../model/installation.ts";
import type { KubernetesSettings } from "../../model/target.ts";
import { kubernetesLabels, manager } from "../labels.ts";
import type { KubernetesObject } from "../object.ts";

export interface Making {
  readonly installation: Installation;
  readonly settings: KubernetesSettings;
  readonly release: string;
  readonly namespace: string;
  readonly build: BuildId;
  /** Tasks that one worker of a pool runs at the same time. */
  readonly slots: Readonly<Record<string, number>>;
  /** KEDA's objects are served. */
  readonly keda: boolean;
}

export interface Described {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly part?: Part | undefined;
  /** What would be lost with it. */
  readonly holds?: "data" | "keys" | "state";
}

/** An object with our names and labels on it; `body` is all that comes after its metadata. */
export function made(making: Making, described: Described, body: JsonObject): KubernetesObject {
  const { apiVersion, kind, name, part, holds } = described;
  return {
    apiVersion,
    kind,
    metadata: { name, namespace: making.namespace, labels: labelsOf(making, part, holds) },
    ...body,
  };
}

function labelsOf(making: Making, part: Part | undefined, holds: Described["holds"]): JsonObject {
  const { installation } = making;
  return {
    [kubernetesLabels.managedBy]: manager,
    ...podLabels(making, part),
    [kubernetesLabels.version]: installation.version,
    ...(holds === undefined ? {} : { [kubernetesLabels.holds]: holds }),
  };
}

/** Without the release of `af`: another one alone must not make pods anew. */
export function podLabels({ installation, release, build }: Making, part?: Part): Record<string, string> {
  return {
    [kubernetesLabels.name]: "agentflow",
    [kubernetesLabels.instance]: release,
    [kubernetesLabels.project]: installation.project,
    [kubernetesLabels.target]: installation.target,
    ...(part === undefined
      ? {}
      : { [kubernetesLabels.component]: part.role, [kubernetesLabels.part]: part.name }),
    ...(part?.pool === undefined ? {} : { [kubernetesLabels.pool]: part.pool }),
    ...(part?.role === "worker" || part?.role === "register" ? { [kubernetesLabels.build]: build } : {}),
  };
}

/** What finds the pods of a part; of workers those of one build. */
export function selectorOf({ release, build }: Making, part: Part): Record<string, string> {
  return {
    [kubernetesLabels.instance]: release,
    [kubernetesLabels.part]: part.name,
    ...(part.role === "worker" ? { [kubernetesLabels.build]: build } : {}),
  };
}

export function partsOf({ installation }: Making, role: Part["role"]): readonly Part[] {
  return installation.parts.filter((part) => part.role === role);
}

export function partOf(making: Making, role: Part["role"]): Part | undefined {
  return partsOf(making, role)[0];
}
