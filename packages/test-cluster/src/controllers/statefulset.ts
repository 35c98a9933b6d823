/** StatefulSets: pods by ordinal, each with claims of its own that outlive it. */
import type { ObjectKey } from "../store.ts";
import type { Controller } from "../world/loop.ts";
import { ownedBy, templateHash } from "../world/names.ts";
import type { Pod, StatefulSet } from "../world/parse-kinds.ts";
import { hasEnded, isReady, isTerminating } from "../world/pods-state.ts";
import { change, get, list, type World } from "../world/world.ts";
import { concerned } from "./replicaset.ts";
import { makeStatefulPod } from "./statefulset-pod.ts";

const resource = "statefulsets.apps";

export function statefulSets(world: World): Controller {
  return {
    name: "statefulset",
    concerns: (event) => concerned(event, resource, "StatefulSet"),
    reconcile: (key) => reconcile(world, key),
  };
}

interface Members {
  readonly set: StatefulSet;
  readonly revision: string;
  readonly pods: ReadonlyMap<number, Pod>;
  readonly wanted: readonly number[];
}

function reconcile(world: World, key: ObjectKey): number | undefined {
  const set = get(world.store, resource, key);
  if (set === undefined || set.metadata.deletionTimestamp !== undefined) return undefined;
  const members = membersOf(world, set);
  const refused = step(world, members);
  writeStatus(world, membersOf(world, set));
  return refused === true ? 1 : undefined;
}

function membersOf(world: World, set: StatefulSet): Members {
  const { name, namespace = "" } = set.metadata;
  const pods = new Map<number, Pod>();
  for (const pod of list(world.store, "pods", namespace)) {
    if (!ownedBy(pod.metadata, set)) continue;
    const ordinal = Number(pod.metadata.name.slice(name.length + 1));
    if (Number.isInteger(ordinal)) pods.set(ordinal, pod);
  }
  const first = set.spec.ordinals?.start ?? 0;
  const wanted = Array.from({ length: set.spec.replicas ?? 1 }, (_, index) => first + index);
  return { set, revision: `${name}-${templateHash(set.spec.template)}`, pods, wanted };
}

/** One step nearer: missing pods in order, surplus from the end, then older templates from the end. */
function step(world: World, members: Members): boolean | undefined {
  const { set, pods, wanted } = members;
  const inOrder = set.spec.podManagementPolicy !== "Parallel";
  for (const ordinal of wanted) {
    const pod = pods.get(ordinal);
    if (pod !== undefined && hasEnded(pod) && !isTerminating(pod)) remove(world, set, pod);
    else if (pod === undefined && makeStatefulPod(world, set, { ordinal, revision: members.revision }))
      return true;
    if (inOrder && (pod === undefined || !isReady(pod) || isTerminating(pod))) {
      return replaceStuck(world, members, pod);
    }
  }
  const surplus = [...pods.keys()].filter((ordinal) => !wanted.includes(ordinal)).sort((a, b) => b - a);
  for (const ordinal of surplus) {
    const pod = pods.get(ordinal);
    if (pod !== undefined && !isTerminating(pod)) remove(world, set, pod);
    if (inOrder) return undefined;
  }
  if (set.spec.updateStrategy?.type !== "OnDelete") replaceOld(world, members);
  return undefined;
}

/**
 * A pod of an older template that never became ready is replaced only by hand: this is how StatefulSets
 * really get stuck. One of the template that is asked for waits.
 */
function replaceStuck(world: World, { set, revision }: Members, pod: Pod | undefined): undefined {
  if (pod === undefined || isTerminating(pod) || revisionOf(pod) === revision) return;
  if (set.spec.podManagementPolicy === "Parallel") remove(world, set, pod);
}

function replaceOld(world: World, { set, revision, pods, wanted }: Members): void {
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  const first = set.spec.ordinals?.start ?? 0;
  for (const ordinal of wanted.toReversed()) {
    const pod = pods.get(ordinal);
    if (ordinal - first < partition || pod === undefined) return;
    if (revisionOf(pod) !== revision && !isTerminating(pod)) {
      remove(world, set, pod);
      return;
    }
    if (!isReady(pod) || isTerminating(pod)) return;
  }
}

export function revisionOf(pod: Pod): string | undefined {
  return pod.metadata.labels?.["controller-revision-hash"];
}

function remove(world: World, set: StatefulSet, pod: Pod): void {
  const { name, namespace = "" } = pod.metadata;
  world.writer.remove({ resource: "pods", namespace, name }, {});
  world.events.record({
    about: set,
    type: "Normal",
    reason: "SuccessfulDelete",
    message: `delete Pod ${name} in StatefulSet ${set.metadata.name} successful`,
    component: "statefulset-controller",
  });
}

function writeStatus(world: World, { set, revision, pods }: Members): void {
  const { name, namespace = "" } = set.metadata;
  const alive = [...pods.values()].filter((pod) => !isTerminating(pod));
  const ready = alive.filter(isReady).length;
  const updated = alive.filter((pod) => revisionOf(pod) === revision).length;
  const wanted = set.spec.replicas ?? 1;
  const done = updated === wanted && ready === wanted && pods.size === wanted;
  const before = set.status?.currentRevision;
  const current = done ? revision : (before ?? revision);
  change(world.store, { resource, namespace, name }, (draft) => {
    const of = alive.filter((pod) => revisionOf(pod) === current).length;
    draft.status = {
      observedGeneration: set.metadata.generation,
      replicas: pods.size,
      readyReplicas: ready > 0 ? ready : undefined,
      currentReplicas: of > 0 ? of : undefined,
      updatedReplicas: updated > 0 ? updated : undefined,
      currentRevision: current,
      updateRevision: revision,
      collisionCount: 0,
      availableReplicas: ready,
    };
  });
}
