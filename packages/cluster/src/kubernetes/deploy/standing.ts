/** What of a release lies in a cluster, and is ours to take away. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import { kubernetesLabels } from "../labels.ts";
import { releaseNames } from "../release.ts";
import type { Access, ObjectName } from "./access.ts";
import { readInventory } from "./inventory.ts";
import { ownLabels } from "./namespace.ts";
import { isOfHelm } from "./plan.ts";
import { isObject, kindOf, labelsOf, nameOf, textAt, textsAt, titleOf } from "./reading.ts";
import { listRevisions } from "./revisions.ts";

export interface OfRelease {
  /** In the release's namespace. */
  readonly access: Access;
  /** Begins the name of every object. */
  readonly name: string;
  readonly project: string;
  readonly target: string;
}

export interface Standing {
  /** What runs and what serves it, in the order in which it goes: workers first, then what they need. */
  readonly objects: readonly JsonObject[];
  /** Volumes, keys and secrets: stay unless told otherwise. */
  readonly data: readonly JsonObject[];
  /** Numbers of the deploys that the cluster remembers. */
  readonly revisions: readonly number[];
  /** Whether a deploy ever began here: its inventory is there. */
  readonly isKnown: boolean;
  /** Made by `af deploy` for this release. */
  readonly isNamespaceOurs: boolean;
}

const core = "v1";

/** Changes nothing. Refuses what a chart or kubectl brought there. */
export async function standingOf(of: OfRelease): Promise<Standing> {
  const { access, name } = of;
  const namespace = await namespaceOf(access);
  const nothing = { objects: [], data: [], revisions: [], isKnown: false, isNamespaceOurs: false };
  if (namespace === undefined) return nothing;
  const inventory: ObjectName = { apiVersion: core, kind: "ConfigMap", name: releaseNames.inventory(name) };
  const isKnown = (await access.get(inventory)) !== undefined;
  if (!isKnown) await refuseOthers(of);
  const [objects, secrets, claims, revisions] = await Promise.all([
    appliedObjects(of),
    keptSecrets(of),
    claimsOf(of),
    listRevisions(access, name),
  ]);
  return {
    objects: objects.toSorted((a, b) => rankOf(a) - rankOf(b)),
    data: [...claims, ...secrets],
    revisions: revisions.map(({ number }) => number),
    isKnown,
    isNamespaceOurs: isOurs(namespace, of),
  };
}

/** Undefined when it is not there; who may not read namespaces may still work in one. */
async function namespaceOf({ cluster, namespace }: Access): Promise<JsonObject | undefined> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
  try {
    const found = await cluster.send(`reading namespace ${namespace}`, { method: "GET", path });
    return isObject(found) ? found : {};
  } catch (error) {
    if (AgentFlowError.is(error) && error.code === "not_found") return undefined;
    if (AgentFlowError.is(error) && error.code === "forbidden") return {};
    throw error;
  }
}

/** Inventory ∩ labels, and the job that a deploy which died may have left. */
async function appliedObjects(of: OfRelease): Promise<readonly JsonObject[]> {
  const { access, name } = of;
  const entries: readonly ObjectName[] = [
    ...(await readInventory(access, name)),
    { apiVersion: "batch/v1", kind: "Job", name: `${name}-check` },
  ];
  const found = await Promise.all(
    entries.map(async (entry) =>
      (await access.resource(entry)) === undefined ? undefined : access.get(entry),
    ),
  );
  return found.flatMap((one) => (one !== undefined && isOurs(one, of) ? [one] : []));
}

/** The project's own, and those that the job `keys` made; none of the revisions. */
async function keptSecrets(of: OfRelease): Promise<readonly JsonObject[]> {
  const found = await of.access.list({ apiVersion: core, kind: "Secret" }, { labelSelector: selectorOf(of) });
  return found.filter(
    (one) => isOurs(one, of) && textAt(one, "type") !== "agentflow.dev/revision" && isNamed(one, of),
  );
}

/** A StatefulSet names them, and labels them as its pods are selected. Not readable: not known. */
async function claimsOf(of: OfRelease): Promise<readonly JsonObject[]> {
  const labelSelector = `${kubernetesLabels.instance}=${of.name},${kubernetesLabels.part}=nats`;
  try {
    const kind = { apiVersion: core, kind: "PersistentVolumeClaim" };
    const found = await of.access.list(kind, { labelSelector });
    const begin = `nats-${of.name}-nats-`;
    return found.filter((one) => /^\d+$/.test(nameOf(one).replace(begin, "")));
  } catch (error) {
    if (AgentFlowError.is(error) && error.code === "forbidden") return [];
    throw error;
  }
}

/** By all of our labels: what somebody has taken over, or another release has, is left alone. */
export function selectorOf(of: OfRelease): string {
  return Object.entries(ownLabels(of))
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

function isOurs(object: JsonObject, of: OfRelease): boolean {
  const labels = labelsOf(object);
  return Object.entries(ownLabels(of)).every(([key, value]) => labels[key] === value);
}

function isNamed(object: JsonObject, { name }: OfRelease): boolean {
  return nameOf(object).startsWith(`${name}-`);
}

/** Without an inventory nothing is known of it: whoever brought it there takes it away. */
async function refuseOthers({ access, name, target }: OfRelease): Promise<void> {
  const labelSelector = `${kubernetesLabels.instance}=${name}`;
  const [first] = await access.list({ apiVersion: "apps/v1", kind: "Deployment" }, { labelSelector });
  if (first === undefined) return;
  const chart = textsAt(first, "metadata", "annotations")["meta.helm.sh/release-name"];
  const { namespace } = access;
  const whose = isOfHelm(first) ? `belongs to the chart's release ${chart ?? ""}`.trim() : "is there";
  throw new AgentFlowError("refused", `${titleOf(first)} ${whose}: af deploy did not bring ${target} there`, {
    reason: "not_deployed_by_af",
    details: { object: titleOf(first), namespace, ...(chart === undefined ? {} : { release: chart }) },
    suggestions: [
      chart === undefined
        ? `where it was applied from files: kubectl delete -n ${namespace} -f FOLDER`
        : `helm uninstall ${chart} -n ${namespace}`,
    ],
  });
}

/** What scales workers goes before them, else it would bring them back. */
export function rankOf(object: JsonObject): number {
  const kind = kindOf(object);
  const part = labelsOf(object)[kubernetesLabels.part] ?? "";
  if (kind === "ScaledObject" || kind === "HorizontalPodAutoscaler") return 0;
  if (kind === "Job") return 1;
  if (kind === "Deployment") return part === "control-plane" ? 3 : 2;
  return kind === "StatefulSet" ? 4 : 5;
}

/** In which order it goes: of the same rank at once. A pod has the rank of what made it. */
export const ranks = [0, 1, 2, 3, 4, 5] as const;

export function rankOfPod(pod: JsonObject): number {
  const part = labelsOf(pod)[kubernetesLabels.part] ?? "";
  if (part === "control-plane") return 3;
  if (part === "nats") return 4;
  if (part.startsWith("worker-")) return 2;
  // Others are not waited for: what they are for ends with a worker.
  return part === "keys" || part === "register" ? 1 : -1;
}
