/** What a Deployment says of its rollout: counts and conditions. */
import type { Condition, Deployment, ReplicaStatus } from "../world/parse-kinds.ts";
import { conditionOf } from "../world/pods-state.ts";
import { change, get, markOf, type World } from "../world/world.ts";
import { boundsOf, specReplicas, total } from "./deployment-bounds.ts";
import type { Sets } from "./deployment-bounds.ts";

/** Answers in how many seconds its deadline has passed, while it waits for one. */
export function writeStatus(world: World, deployment: Deployment, sets: Sets): number | undefined {
  const { name, namespace = "" } = deployment.metadata;
  const before = get(world.store, "deployments.apps", { namespace, name })?.status ?? {};
  const status = countsOf(deployment, sets);
  const { conditions, waits } = conditionsOf(world, { deployment, sets, before, status });
  change(world.store, { resource: "deployments.apps", namespace, name }, (draft) => {
    draft.status = { ...status, conditions };
  });
  return waits;
}

/** As the controller does: what is new in status or reason goes to the end of the list. */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  condition: Condition,
  stamp: string,
): Condition[] {
  const before = conditionOf(conditions, condition.type);
  if (before?.status === condition.status && before.reason === condition.reason)
    return [...(conditions ?? [])];
  const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
  const { type, status, reason, message } = condition;
  const made = { type, status, lastUpdateTime: stamp, lastTransitionTime: since ?? stamp, reason, message };
  return [...(conditions ?? []).filter((one) => one.type !== condition.type), made];
}

function countsOf(deployment: Deployment, { fresh, old }: Sets): ReplicaStatus {
  const all = fresh === undefined ? old : [...old, fresh];
  const some = (count: number) => (count > 0 ? count : undefined);
  const sum = (field: "replicas" | "readyReplicas" | "availableReplicas" | "terminatingReplicas") =>
    total(all, (set) => set.status?.[field] ?? 0);
  const available = sum("availableReplicas");
  return {
    observedGeneration: deployment.metadata.generation,
    replicas: some(sum("replicas")),
    updatedReplicas: some(fresh?.status?.replicas ?? 0),
    readyReplicas: some(sum("readyReplicas")),
    availableReplicas: some(available),
    unavailableReplicas: some(total(all, specReplicas) - available),
    terminatingReplicas: sum("terminatingReplicas"),
  };
}

interface Judged {
  readonly deployment: Deployment;
  readonly sets: Sets;
  readonly before: ReplicaStatus;
  readonly status: ReplicaStatus;
}

function conditionsOf(world: World, judged: Judged): { conditions: Condition[]; waits: number | undefined } {
  const stamp = world.time.stamp();
  const { deployment, sets, before, status } = judged;
  const available = setCondition(before.conditions, availability(deployment, status), stamp);
  const { condition, waits } = progressOf(world, judged);
  const progressed = condition === undefined ? available : setCondition(available, condition, stamp);
  const all = [...(sets.fresh === undefined ? [] : [sets.fresh]), ...sets.old];
  const failure = all
    .map((set) => conditionOf(set.status?.conditions, "ReplicaFailure"))
    .find((one) => one !== undefined);
  if (failure === undefined) {
    return { conditions: progressed.filter((one) => one.type !== "ReplicaFailure"), waits };
  }
  return { conditions: setCondition(progressed, failure, stamp), waits };
}

function availability(deployment: Deployment, status: ReplicaStatus): Condition {
  const least = (deployment.spec.replicas ?? 1) - boundsOf(deployment).maxUnavailable;
  return (status.availableReplicas ?? 0) >= least
    ? {
        type: "Available",
        status: "True",
        reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability.",
      }
    : {
        type: "Available",
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
}

function progressOf(
  world: World,
  { deployment, sets, before, status }: Judged,
): { condition?: Condition; waits?: number | undefined } {
  const now = conditionOf(before.conditions, "Progressing");
  const wanted = deployment.spec.replicas ?? 1;
  const deadline = deployment.spec.progressDeadlineSeconds ?? 600;
  const set = `ReplicaSet "${sets.fresh?.metadata.name ?? ""}"`;
  const mark = `progress ${deployment.metadata.uid}`;
  if (status.replicas === status.updatedReplicas && now?.reason === "NewReplicaSetAvailable") {
    return { waits: undefined };
  }
  const counts = [status.updatedReplicas, status.replicas, status.availableReplicas];
  const about = { type: "Progressing", status: "True" };
  if (counts.every((count) => (count ?? 0) === wanted)) {
    const message = `${set} has successfully progressed.`;
    return { condition: { ...about, reason: "NewReplicaSetAvailable", message }, waits: undefined };
  }
  if (hasMoved(before, status)) {
    world.marks.set(mark, world.time.seconds());
    const message = `${set} is progressing.`;
    return { condition: { ...about, reason: "ReplicaSetUpdated", message }, waits: deadline };
  }
  if (now === undefined || now.reason === "NewReplicaSetAvailable" || deployment.spec.paused === true) {
    return { waits: undefined };
  }
  const left = deadline - (world.time.seconds() - markOf(world, mark));
  if (left > 0 && now.reason !== "ProgressDeadlineExceeded") return { waits: left };
  const message = `${set} has timed out progressing.`;
  return {
    condition: { ...about, status: "False", reason: "ProgressDeadlineExceeded", message },
    waits: undefined,
  };
}

function hasMoved(before: ReplicaStatus, after: ReplicaStatus): boolean {
  const old = (status: ReplicaStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}
