/** What a cluster shows of a release's workloads at one moment. */
import type { JsonObject } from "@agentflow/protocol";
import type { Access, ObjectName } from "./access.ts";
import { kindOf, nameOf, objectsAt, textAt, textsAt } from "./reading.ts";

export interface Seen {
  /** The workloads that are waited for, as they are now. */
  readonly workloads: readonly JsonObject[];
  readonly replicaSets: readonly JsonObject[];
  readonly pods: readonly JsonObject[];
  /** Warnings alone. */
  readonly events: readonly JsonObject[];
}

const apps = "apps/v1";
const kinds: Readonly<Record<string, string>> = {
  Deployment: apps,
  StatefulSet: apps,
  ReplicaSet: apps,
  Job: "batch/v1",
  Pod: "v1",
  Event: "v1",
};

/** Kinds that run pods: what a deploy waits for. */
export function isWorkload({ kind }: { readonly kind: string }): boolean {
  return kind === "Deployment" || kind === "StatefulSet" || kind === "Job";
}

export interface Looking {
  /** Labels that all of the release's objects have. */
  readonly selector: string;
  readonly names: readonly ObjectName[];
  readonly events: boolean;
}

export async function look(access: Access, { selector, names, events }: Looking): Promise<Seen> {
  const list = async (kind: string, query: Record<string, string>): Promise<readonly JsonObject[]> =>
    access.list({ apiVersion: kinds[kind] ?? "v1", kind }, query);
  const of = { labelSelector: selector };
  const wanted = new Set(names.map(({ kind, name }) => `${kind}/${name}`));
  const [deployments, sets, jobs, replicaSets, pods, warnings] = await Promise.all([
    list("Deployment", of),
    list("StatefulSet", of),
    list("Job", of),
    list("ReplicaSet", of),
    list("Pod", of),
    events ? list("Event", { fieldSelector: "type=Warning" }) : [],
  ]);
  const workloads = [...deployments, ...sets, ...jobs].filter((one) =>
    wanted.has(`${kindOf(one)}/${nameOf(one)}`),
  );
  return {
    workloads,
    replicaSets,
    pods,
    events: warnings.filter((one) => textAt(one, "type") === "Warning"),
  };
}

/** Pods that a workload runs now: of a Deployment those of its newest template, of others the same. */
export function podsOf(workload: JsonObject, { replicaSets, pods }: Seen): readonly JsonObject[] {
  const uid = textAt(workload, "metadata", "uid");
  switch (kindOf(workload)) {
    case "Deployment": {
      const newest = newestReplicaSet(workload, replicaSets);
      return newest === undefined
        ? []
        : pods.filter((pod) => isOwnedBy(pod, textAt(newest, "metadata", "uid")));
    }
    case "StatefulSet": {
      const revision = textAt(workload, "status", "updateRevision");
      return pods.filter(
        (pod) =>
          isOwnedBy(pod, uid) &&
          (revision === "" || textsAt(pod, "metadata", "labels")["controller-revision-hash"] === revision),
      );
    }
    default:
      return pods.filter((pod) => isOwnedBy(pod, uid));
  }
}

/** Whose events tell why a workload has no pods: its own, and its ReplicaSet's. */
export function makersOf(workload: JsonObject, { replicaSets }: Seen): readonly JsonObject[] {
  const newest = kindOf(workload) === "Deployment" ? newestReplicaSet(workload, replicaSets) : undefined;
  return newest === undefined ? [workload] : [workload, newest];
}

const revisionKey = "deployment.kubernetes.io/revision";

function newestReplicaSet(deployment: JsonObject, all: readonly JsonObject[]): JsonObject | undefined {
  const uid = textAt(deployment, "metadata", "uid");
  const revision = textsAt(deployment, "metadata", "annotations")[revisionKey];
  const own = all.filter((one) => isOwnedBy(one, uid));
  return own.find((one) => textsAt(one, "metadata", "annotations")[revisionKey] === revision);
}

function isOwnedBy(object: JsonObject, uid: string): boolean {
  return objectsAt(object, "metadata", "ownerReferences").some((owner) => textAt(owner, "uid") === uid);
}
