/** PodDisruptionBudgets: how many pods may go now. */
import type { ObjectEvent, ObjectKey } from "../store.ts";
import type { Controller } from "../world/loop.ts";
import { controllerOf } from "../world/names.ts";
import { type Budget, type Pod, parseKind, parseObject } from "../world/parse-kinds.ts";
import { hasEnded, isReady, isTerminating } from "../world/pods-state.ts";
import { matches } from "../world/selectors.ts";
import { get, list, type World } from "../world/world.ts";
import { shareOf } from "./deployment-bounds.ts";

const resource = "poddisruptionbudgets.policy";

export function disruptionBudgets(world: World): Controller {
  return {
    name: "disruption",
    concerns: (event) => concerned(world, event),
    reconcile: (key) => reconcile(world, key),
  };
}

function concerned(world: World, event: ObjectEvent): ObjectKey[] {
  if (event.key.resource === resource) return [event.key];
  const scales = ["deployments.apps", "statefulsets.apps", "replicasets.apps"].includes(event.key.resource);
  if (event.key.resource !== "pods" && !scales) return [];
  return list(world.store, resource, event.key.namespace)
    .filter((one) => scales || matches(one.spec.selector, parseKind("pods", event.object).metadata.labels))
    .map(({ metadata }) => ({ ...event.key, resource, name: metadata.name }));
}

function reconcile(world: World, key: ObjectKey): undefined {
  const budget = get(world.store, resource, key);
  if (budget === undefined) return;
  const pods = list(world.store, "pods", key.namespace)
    .filter((pod) => matches(budget.spec.selector, pod.metadata.labels))
    .filter((pod) => !hasEnded(pod));
  const expected = expectedOf(world, key.namespace, pods);
  const healthy = pods.filter((pod) => isReady(pod) && !isTerminating(pod)).length;
  const desired = desiredOf(budget, expected);
  const allowed = expected === 0 ? 0 : Math.max(0, healthy - desired);
  writeStatus(world, key, { expected, healthy, desired, allowed });
}

/** What their controllers ask for, not what is there: a budget counts pods that are missing. */
function expectedOf(world: World, namespace: string, pods: readonly Pod[]): number {
  const counted = new Map<string, number>();
  for (const pod of pods) {
    const owner = controllerOf(pod.metadata);
    if (owner === undefined) counted.set(pod.metadata.uid, 1);
    else if (!counted.has(owner.uid)) counted.set(...wantedBy(world, namespace, owner));
  }
  return [...counted.values()].reduce((sum, one) => sum + one, 0);
}

function wantedBy(
  world: World,
  namespace: string,
  owner: { readonly kind: string; readonly name: string; readonly uid: string },
): [string, number] {
  if (owner.kind === "StatefulSet") {
    return [
      owner.uid,
      get(world.store, "statefulsets.apps", { namespace, name: owner.name })?.spec.replicas ?? 1,
    ];
  }
  const set = get(world.store, "replicasets.apps", { namespace, name: owner.name });
  const above = set === undefined ? undefined : controllerOf(set.metadata);
  if (above?.kind !== "Deployment") return [owner.uid, set?.spec.replicas ?? 1];
  // All ReplicaSets of a Deployment count as one.
  return [
    above.uid,
    get(world.store, "deployments.apps", { namespace, name: above.name })?.spec.replicas ?? 1,
  ];
}

function desiredOf({ spec }: Budget, expected: number): number {
  if (spec.maxUnavailable !== undefined) {
    return Math.max(0, expected - Math.ceil(shareOf(spec.maxUnavailable, expected)));
  }
  return Math.ceil(shareOf(spec.minAvailable ?? 1, expected));
}

interface Counts {
  readonly expected: number;
  readonly healthy: number;
  readonly desired: number;
  readonly allowed: number;
}

function writeStatus(world: World, key: ObjectKey, counts: Counts): void {
  const object = world.store.get(key);
  const budget = get(world.store, resource, key);
  if (object === undefined || budget === undefined) return;
  const status = counts.allowed > 0 ? "True" : "False";
  const known = parseObject(budget.status ?? {})["conditions"];
  const before = Array.isArray(known) ? parseObject(known[0] ?? {}) : undefined;
  const same = before?.["status"] === status;
  const condition = {
    type: "DisruptionAllowed",
    status,
    observedGeneration: budget.metadata.generation,
    lastTransitionTime: same ? before["lastTransitionTime"] : world.time.stamp(),
    reason: counts.allowed > 0 ? "SufficientPods" : "InsufficientPods",
    message: "",
  };
  world.store.put(
    key,
    parseObject({
      ...object,
      status: {
        observedGeneration: budget.metadata.generation,
        disruptionsAllowed: counts.allowed,
        currentHealthy: counts.healthy,
        desiredHealthy: counts.desired,
        expectedPods: counts.expected,
        conditions: [condition],
      },
    }),
  );
}
