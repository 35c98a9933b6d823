/** ReplicaSets: as many pods as asked for, and a status that counts them. */
import type { ObjectEvent, ObjectKey } from "../store.ts";
import type { Controller } from "../world/loop.ts";
import { controllerOf, ownedBy, ownerReference } from "../world/names.ts";
import { type Condition, type Pod, type ReplicaSet, parseAny, parseObject } from "../world/parse-kinds.ts";
import {
  hasEnded,
  isActive,
  conditionOf,
  isReady,
  isTerminating,
  withCondition,
} from "../world/pods-state.ts";
import { hasLabels } from "../world/selectors.ts";
import { change, get, list, markOf, type World } from "../world/world.ts";

const resource = "replicasets.apps";
const firstRetrySeconds = 1;
const longestRetrySeconds = 300;

export function replicaSets(world: World): Controller {
  return {
    name: "replicaset",
    concerns: (event) => concerned(event, resource, "ReplicaSet"),
    reconcile: (key) => reconcile(world, key),
  };
}

/** The object itself, and the controller of this kind of a pod that changed. */
export function concerned(event: ObjectEvent, of: string, kind: string): ObjectKey[] {
  if (event.key.resource === of) return [event.key];
  if (event.key.resource !== "pods") return [];
  const owner = controllerOf(parseAny(event.object).metadata);
  return owner?.kind === kind ? [{ resource: of, namespace: event.key.namespace, name: owner.name }] : [];
}

function reconcile(world: World, key: ObjectKey): number | undefined {
  const set = get(world.store, resource, key);
  if (set === undefined || set.metadata.deletionTimestamp !== undefined) return undefined;
  const pods = list(world.store, "pods", key.namespace).filter((pod) => ownedBy(pod.metadata, set));
  const active = pods.filter(isActive);
  const refused = scale(world, set, active);
  const waits = writeStatus(world, { set, pods, active, refused });
  const failures = `refused ${set.metadata.uid}`;
  if (refused === undefined) {
    world.marks.delete(failures);
    return waits;
  }
  // Again, but ever later.
  const seconds = Math.min((world.marks.get(failures) ?? firstRetrySeconds / 2) * 2, longestRetrySeconds);
  world.marks.set(failures, seconds);
  return seconds;
}

/** Answers with the server's words when it refused a pod. */
function scale(world: World, set: ReplicaSet, active: readonly Pod[]): string | undefined {
  const wanted = set.spec.replicas ?? 1;
  const namespace = set.metadata.namespace ?? "";
  for (let missing = wanted - active.length; missing > 0; missing--) {
    const refused = createPod(world, set);
    if (refused !== undefined) return refused;
  }
  const surplus = active.length - wanted;
  if (surplus <= 0) return undefined;
  for (const pod of [...active].sort(byWorth).slice(0, surplus)) {
    world.writer.remove({ resource: "pods", namespace, name: pod.metadata.name }, {});
    say(world, set, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
  }
  return undefined;
}

function createPod(world: World, set: ReplicaSet): string | undefined {
  const { template } = set.spec;
  try {
    const made = world.writer.create(
      "pods",
      set.metadata.namespace ?? "",
      parseObject({
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          generateName: `${set.metadata.name}-`,
          namespace: set.metadata.namespace,
          labels: template.metadata?.labels,
          annotations: template.metadata?.annotations,
          ownerReferences: [ownerReference(set)],
        },
        spec: template.spec,
      }),
    );
    say(world, set, "Normal", "SuccessfulCreate", `Created pod: ${made.metadata.name}`);
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // The server refuses by the name that the pod would have had its suffix added to.
    const message = error.message.replace(/"([^"]+-)[a-z0-9]{5}" is forbidden/, '"$1" is forbidden');
    say(world, set, "Warning", "FailedCreate", `Error creating: ${message}`);
    return message;
  }
}

/** The least useful first: without a node, not ready, younger. */
function byWorth(one: Pod, other: Pod): number {
  return (
    Number(one.spec.nodeName !== undefined) - Number(other.spec.nodeName !== undefined) ||
    Number(isReady(one)) - Number(isReady(other)) ||
    other.metadata.creationTimestamp.localeCompare(one.metadata.creationTimestamp) ||
    Number(other.metadata.resourceVersion) - Number(one.metadata.resourceVersion)
  );
}

interface Counted {
  readonly set: ReplicaSet;
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  readonly refused: string | undefined;
}

function writeStatus(world: World, { set, pods, active, refused }: Counted): number | undefined {
  const ready = active.filter(isReady);
  const { available, nextIn } = availableOf(world, ready, set.spec.minReadySeconds ?? 0);
  const labels = set.spec.template.metadata?.labels;
  const some = (count: number) => (count > 0 ? count : undefined);
  change(
    world.store,
    { resource, namespace: set.metadata.namespace ?? "", name: set.metadata.name },
    (draft) => {
      draft.status = {
        replicas: active.length,
        fullyLabeledReplicas: some(active.filter((pod) => hasLabels(labels, pod.metadata.labels)).length),
        readyReplicas: some(ready.length),
        availableReplicas: some(available),
        terminatingReplicas: pods.filter((pod) => isTerminating(pod) && !hasEnded(pod)).length,
        observedGeneration: set.metadata.generation,
        conditions: conditionsOf(draft.status?.conditions, refused, world.time.stamp()),
      };
    },
  );
  return nextIn;
}

function conditionsOf(
  before: Condition[] | undefined,
  refused: string | undefined,
  stamp: string,
): Condition[] | undefined {
  const others = (before ?? []).filter((one) => one.type !== "ReplicaFailure");
  if (refused !== undefined) {
    const failure = { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: refused };
    return withCondition(before, failure, stamp);
  }
  return others.length > 0 ? others : undefined;
}

/** Pods that were ready long enough, and in how many seconds the next will have been. */
export function availableOf(
  world: World,
  ready: readonly Pod[],
  minReadySeconds: number,
): { readonly available: number; readonly nextIn: number | undefined } {
  if (minReadySeconds === 0) return { available: ready.length, nextIn: undefined };
  const now = world.time.seconds();
  const waits = ready.map((pod) => minReadySeconds - (now - readySince(world, pod)));
  const left = waits.filter((wait) => wait > 0);
  return { available: waits.length - left.length, nextIn: left.length > 0 ? Math.min(...left) : undefined };
}

/** Seconds of the cluster at which it was first seen ready, since its last transition. */
function readySince(world: World, pod: Pod): number {
  const since = conditionOf(pod.status?.conditions, "Ready")?.lastTransitionTime ?? "";
  return markOf(world, `ready ${pod.metadata.uid} ${since}`);
}

function say(
  world: World,
  set: ReplicaSet,
  type: "Normal" | "Warning",
  reason: string,
  message: string,
): void {
  world.events.record({ about: set, type, reason, message, component: "replicaset-controller" });
}
