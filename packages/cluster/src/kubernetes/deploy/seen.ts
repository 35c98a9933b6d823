/** What a cluster shows of a release's workloads at one moment. */
import type { JsonObject } from "@agentflow/protocol";
import type { Access, Kind } from "./access.ts";
import { kindOf, numberAt, objectsAt, textAt, textsAt } from "./reading.ts";

export interface Seen {
  readonly workloads: readonly JsonObject[];
  readonly replicaSets: readonly JsonObject[];
  readonly pods: readonly JsonObject[];
  /** Warnings alone. */
  readonly events: readonly JsonObject[];
}

/** Kinds that run pods: what a deploy waits for. */
export function isWorkload({ kind }: { readonly kind: string }): boolean {
  return kind === "Deployment" || kind === "StatefulSet" || kind === "Job";
}

/** What of a cluster is looked at: the release's by their labels, and the warnings of the namespace. */
export const lookedAt = [
  { apiVersion: "apps/v1", kind: "Deployment" },
  { apiVersion: "apps/v1", kind: "StatefulSet" },
  { apiVersion: "batch/v1", kind: "Job" },
  { apiVersion: "apps/v1", kind: "ReplicaSet" },
  { apiVersion: "v1", kind: "Pod" },
  { apiVersion: "v1", kind: "Event" },
] as const satisfies readonly Kind[];

export type LookedAt = (typeof lookedAt)[number]["kind"];

export function queryOf(kind: LookedAt, selector: string): Readonly<Record<string, string>> {
  return kind === "Event" ? { fieldSelector: "type=Warning" } : { labelSelector: selector };
}

/** Once, all at a time. `selector` are labels that all of the release's objects have. */
export async function look(access: Access, selector: string): Promise<Seen> {
  const found = await Promise.all(
    lookedAt.map(async (one) => [one.kind, await access.list(one, queryOf(one.kind, selector))] as const),
  );
  const byKind = new Map<LookedAt, readonly JsonObject[]>(found);
  return seenOf((kind) => byKind.get(kind) ?? []);
}

export function seenOf(of: (kind: LookedAt) => readonly JsonObject[]): Seen {
  return {
    workloads: [...of("Deployment"), ...of("StatefulSet"), ...of("Job")],
    replicaSets: of("ReplicaSet"),
    pods: of("Pod"),
    // A field selector is not honoured everywhere.
    events: of("Event").filter((one) => textAt(one, "type") === "Warning"),
  };
}

/** Whether its status speaks of what is asked for, and not of what was before. */
export function isObserved(workload: JsonObject): boolean {
  if (kindOf(workload) === "Job") return true;
  return numberAt(workload, "status", "observedGeneration") >= numberAt(workload, "metadata", "generation");
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

export function isOwnedBy(object: JsonObject, uid: string): boolean {
  return objectsAt(object, "metadata", "ownerReferences").some((owner) => textAt(owner, "uid") === uid);
}
