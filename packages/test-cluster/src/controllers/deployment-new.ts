/** The ReplicaSet of a Deployment's template: found by the template itself, else made. */
import { isDeepStrictEqual } from "node:util";
import { ownedBy, ownerReference, templateHash } from "../world/names.ts";
import {
  type Deployment,
  type PodTemplate,
  type ReplicaSet,
  parseCopy,
  parseObject,
} from "../world/parse-kinds.ts";
import { conditionOf } from "../world/pods-state.ts";
import { change, get, list, type World } from "../world/world.ts";
import { boundsOf, specReplicas, total } from "./deployment-bounds.ts";
import { setCondition } from "./deployment-status.ts";

const revision = "deployment.kubernetes.io/revision";
const hashLabel = "pod-template-hash";
const notCopied = ["kubectl.kubernetes.io/last-applied-configuration", revision];

export function revisionOf(of: { readonly metadata: { annotations?: Record<string, string> } }): number {
  return Number(of.metadata.annotations?.[revision] ?? 0);
}

export function findOrMakeNew(world: World, deployment: Deployment, make: boolean): ReplicaSet | undefined {
  const sets = list(world.store, "replicasets.apps", deployment.metadata.namespace)
    .filter((set) => ownedBy(set.metadata, deployment) && set.metadata.deletionTimestamp === undefined)
    .sort((one, other) => revisionOf(one) - revisionOf(other));
  const known = sets.find((set) => sameTemplate(set.spec.template, deployment.spec.template));
  if (!make) return known;
  const others = sets.filter((set) => set !== known);
  const next = Math.max(0, ...others.map(revisionOf)) + 1;
  if (known === undefined) return makeNew(world, deployment, others, next);
  adopt(world, deployment, known, Math.max(next, revisionOf(known)));
  return known;
}

function sameTemplate(one: PodTemplate, other: PodTemplate): boolean {
  return isDeepStrictEqual(withoutHash(one), withoutHash(other));
}

function withoutHash(template: PodTemplate): PodTemplate {
  const copy = parseCopy(template);
  delete copy.metadata?.labels?.[hashLabel];
  // A client that puts back an older template says that it was never created.
  delete copy.metadata?.creationTimestamp;
  return copy;
}

function adopt(world: World, deployment: Deployment, set: ReplicaSet, number: number): void {
  const { name, namespace = "" } = set.metadata;
  change(world.store, { resource: "replicasets.apps", namespace, name }, (draft) => {
    const before = draft.metadata.annotations?.[revision];
    draft.metadata.annotations = { ...draft.metadata.annotations, [revision]: String(number) };
    if (before === undefined || Number(before) >= number) return;
    const history = draft.metadata.annotations["deployment.kubernetes.io/revision-history"];
    draft.metadata.annotations["deployment.kubernetes.io/revision-history"] =
      history === undefined ? before : `${history},${before}`;
  });
  note(world, deployment, number, (draft) => {
    if (conditionOf(draft.status?.conditions, "Progressing") !== undefined) return;
    progress(world, draft, "FoundNewReplicaSet", `Found new replica set "${name}"`);
  });
}

function makeNew(
  world: World,
  deployment: Deployment,
  others: readonly ReplicaSet[],
  number: number,
): ReplicaSet | undefined {
  const { template } = deployment.spec;
  const hash = templateHash(withoutHash(template));
  const { namespace = "" } = deployment.metadata;
  const name = `${deployment.metadata.name}-${hash}`;
  const replicas = firstReplicas(deployment, others);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  world.writer.create(
    "replicasets.apps",
    namespace,
    parseObject({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: {
        name,
        namespace,
        labels,
        annotations: { ...copied(deployment), ...counts(deployment), [revision]: String(number) },
        ownerReferences: [ownerReference(deployment)],
      },
      spec: {
        replicas,
        minReadySeconds: deployment.spec.minReadySeconds,
        selector: {
          ...deployment.spec.selector,
          matchLabels: { ...deployment.spec.selector.matchLabels, [hashLabel]: hash },
        },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    }),
  );
  note(world, deployment, number, (draft) => {
    progress(world, draft, "NewReplicaSetCreated", `Created new replica set "${name}"`);
  });
  world.marks.set(`progress ${deployment.metadata.uid}`, world.time.seconds());
  if (replicas > 0) {
    world.events.record({
      about: deployment,
      type: "Normal",
      reason: "ScalingReplicaSet",
      message: `Scaled up replica set ${name} from 0 to ${replicas}`,
      component: "deployment-controller",
    });
  }
  return get(world.store, "replicasets.apps", { namespace, name });
}

function firstReplicas(deployment: Deployment, others: readonly ReplicaSet[]): number {
  const wanted = deployment.spec.replicas ?? 1;
  if (deployment.spec.strategy?.type === "Recreate") return wanted;
  const room = wanted + boundsOf(deployment).maxSurge - total(others, specReplicas);
  return Math.max(0, Math.min(wanted, room));
}

function copied(deployment: Deployment): Record<string, string> {
  const own = Object.entries(deployment.metadata.annotations ?? {});
  return Object.fromEntries(own.filter(([key]) => !notCopied.includes(key)));
}

function counts(deployment: Deployment): Record<string, string> {
  const wanted = deployment.spec.replicas ?? 1;
  return {
    "deployment.kubernetes.io/desired-replicas": String(wanted),
    "deployment.kubernetes.io/max-replicas": String(wanted + boundsOf(deployment).maxSurge),
  };
}

function note(world: World, deployment: Deployment, number: number, more: (draft: Deployment) => void): void {
  const { name, namespace = "" } = deployment.metadata;
  change(world.store, { resource: "deployments.apps", namespace, name }, (draft) => {
    draft.metadata.annotations = { ...draft.metadata.annotations, [revision]: String(number) };
    more(draft);
  });
}

function progress(world: World, draft: Deployment, reason: string, message: string): void {
  draft.status ??= {};
  const condition = { type: "Progressing", status: "True", reason, message };
  draft.status.conditions = setCondition(draft.status.conditions, condition, world.time.stamp());
}
