/** Deployments: a ReplicaSet for each template, and how one takes over from another. */
import type { ObjectEvent, ObjectKey } from "../store.ts";
import type { Controller } from "../world/loop.ts";
import { controllerOf, ownedBy } from "../world/names.ts";
import { type Deployment, type ReplicaSet, parseAny } from "../world/parse-kinds.ts";
import { hasEnded } from "../world/pods-state.ts";
import { change, get, list, type World } from "../world/world.ts";
import { writeStatus } from "./deployment-status.ts";
import { findOrMakeNew, revisionOf } from "./deployment-new.ts";
import { boundsOf, type Sets, specReplicas, total } from "./deployment-bounds.ts";

export function deployments(world: World): Controller {
  return {
    name: "deployment",
    concerns: (event) => concerned(world, event),
    reconcile: (key) => reconcile(world, key),
  };
}

function concerned(world: World, event: ObjectEvent): ObjectKey[] {
  const { resource, namespace } = event.key;
  if (resource === "deployments.apps") return [event.key];
  const named = (name: string) => ({ resource: "deployments.apps", namespace, name });
  const owner = controllerOf(parseAny(event.object).metadata);
  if (resource === "replicasets.apps" && owner?.kind === "Deployment") return [named(owner.name)];
  if (resource !== "pods" || event.type !== "DELETED" || owner?.kind !== "ReplicaSet") return [];
  const set = get(world.store, "replicasets.apps", { namespace, name: owner.name });
  const above = set === undefined ? undefined : controllerOf(set.metadata);
  return above === undefined ? [] : [named(above.name)];
}

function reconcile(world: World, key: ObjectKey): number | undefined {
  const deployment = get(world.store, "deployments.apps", key);
  if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) return undefined;
  const make = mayMakeNew(world, deployment);
  const had = findOrMakeNew(world, deployment, false);
  const fresh = findOrMakeNew(world, deployment, make);
  // Its own change brings it back here, when the new ReplicaSet has had its first look.
  if (had === undefined && fresh !== undefined) return undefined;
  const before = setsOf(world, deployment);
  if (deployment.spec.paused !== true) roll(world, deployment, before);
  const sets = setsOf(world, deployment);
  const next = writeStatus(world, deployment, sets);
  forgetOldest(world, deployment, sets);
  return next;
}

/** Under Recreate nothing new begins before the last of the old has ended. */
function mayMakeNew(world: World, deployment: Deployment): boolean {
  if (deployment.spec.paused === true) return false;
  if (deployment.spec.strategy?.type !== "Recreate") return true;
  const { old } = setsOf(world, deployment);
  for (const set of old) scaleTo(world, deployment, set, 0);
  const pods = list(world.store, "pods", deployment.metadata.namespace);
  return !old.some((set) => pods.some((pod) => ownedBy(pod.metadata, set) && !hasEnded(pod)));
}

function setsOf(world: World, deployment: Deployment): Sets {
  const all = list(world.store, "replicasets.apps", deployment.metadata.namespace)
    .filter((set) => ownedBy(set.metadata, deployment))
    .filter((set) => set.metadata.deletionTimestamp === undefined)
    .sort((one, other) => revisionOf(one) - revisionOf(other));
  const fresh = findOrMakeNew(world, deployment, false);
  return { fresh, old: all.filter((set) => set.metadata.uid !== fresh?.metadata.uid) };
}

function roll(world: World, deployment: Deployment, sets: Sets): void {
  const { fresh, old } = sets;
  const wanted = deployment.spec.replicas ?? 1;
  const active = old.filter((set) => specReplicas(set) > 0);
  if (fresh === undefined) return;
  if (deployment.spec.strategy?.type === "Recreate" || active.length === 0) {
    scaleTo(world, deployment, fresh, wanted);
    return;
  }
  if (growNew(world, deployment, fresh, old)) return;
  shrinkOld(world, deployment, fresh, active);
}

/** Answers whether it scaled. */
function growNew(
  world: World,
  deployment: Deployment,
  fresh: ReplicaSet,
  old: readonly ReplicaSet[],
): boolean {
  const wanted = deployment.spec.replicas ?? 1;
  const { maxSurge } = boundsOf(deployment);
  const now = specReplicas(fresh);
  if (now > wanted) return scaleTo(world, deployment, fresh, wanted);
  const room = wanted + maxSurge - now - total(old, specReplicas);
  return room > 0 && scaleTo(world, deployment, fresh, now + Math.min(room, wanted - now));
}

/** First those that are no use, then as many as may be missing, oldest first. */
function shrinkOld(
  world: World,
  deployment: Deployment,
  fresh: ReplicaSet,
  active: readonly ReplicaSet[],
): void {
  const wanted = deployment.spec.replicas ?? 1;
  const least = wanted - boundsOf(deployment).maxUnavailable;
  const notYet = specReplicas(fresh) - (fresh.status?.availableReplicas ?? 0);
  let mayGo = specReplicas(fresh) + total(active, specReplicas) - least - notYet;
  const left = new Map(active.map((set) => [set, specReplicas(set)]));
  for (const set of active) {
    const useless = Math.min(mayGo, specReplicas(set) - (set.status?.availableReplicas ?? 0));
    if (useless <= 0) continue;
    left.set(set, specReplicas(set) - useless);
    mayGo -= useless;
  }
  let spare = (fresh.status?.availableReplicas ?? 0) + total(active, availableOf) - least;
  for (const set of active) {
    const now = left.get(set) ?? 0;
    const go = Math.min(now, Math.max(0, spare), Math.max(0, mayGo));
    spare -= go;
    mayGo -= go;
    scaleTo(world, deployment, set, now - go);
  }
}

function availableOf(set: ReplicaSet): number {
  return set.status?.availableReplicas ?? 0;
}

function scaleTo(world: World, deployment: Deployment, set: ReplicaSet, replicas: number): boolean {
  const from = specReplicas(set);
  const { name, namespace = "" } = set.metadata;
  const wanted = deployment.spec.replicas ?? 1;
  change(world.store, { resource: "replicasets.apps", namespace, name }, (draft) => {
    draft.spec.replicas = replicas;
    draft.metadata.annotations = {
      ...draft.metadata.annotations,
      "deployment.kubernetes.io/desired-replicas": String(wanted),
      "deployment.kubernetes.io/max-replicas": String(wanted + boundsOf(deployment).maxSurge),
    };
  });
  if (from === replicas) return false;
  const way = replicas > from ? "up" : "down";
  world.events.record({
    about: deployment,
    type: "Normal",
    reason: "ScalingReplicaSet",
    message: `Scaled ${way} replica set ${name} from ${from} to ${replicas}`,
    component: "deployment-controller",
  });
  return true;
}

function forgetOldest(world: World, deployment: Deployment, { old }: Sets): void {
  const kept = deployment.spec.revisionHistoryLimit ?? 10;
  const idle = old.filter((set) => specReplicas(set) === 0 && (set.status?.replicas ?? 0) === 0);
  for (const set of idle.slice(0, Math.max(0, old.length - kept))) {
    const { name, namespace = "" } = set.metadata;
    world.writer.remove({ resource: "replicasets.apps", namespace, name }, {});
  }
}
