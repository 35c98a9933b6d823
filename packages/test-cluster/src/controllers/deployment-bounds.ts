/** How many pods a rolling update may have above, and miss below, what is asked for. */
import type { Deployment, ReplicaSet } from "../world/parse-kinds.ts";

/** ReplicaSets of one Deployment: of its template now, and of those before, oldest first. */
export interface Sets {
  readonly fresh: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
}

export interface Bounds {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

export function boundsOf(deployment: Deployment): Bounds {
  const wanted = deployment.spec.replicas ?? 1;
  if (deployment.spec.strategy?.type === "Recreate") return { maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec.strategy?.rollingUpdate ?? {};
  const surge = Math.ceil(shareOf(maxSurge, wanted));
  const missing = Math.floor(shareOf(maxUnavailable, wanted));
  // Both at nothing would never move.
  return { maxSurge: surge, maxUnavailable: surge === 0 && missing === 0 ? 1 : Math.min(missing, wanted) };
}

export function shareOf(value: number | string, of: number): number {
  if (typeof value === "number") return value;
  return value.endsWith("%") ? (Number(value.slice(0, -1)) * of) / 100 : Number(value);
}

export function specReplicas(set: ReplicaSet): number {
  return set.spec.replicas ?? 1;
}

export function total(sets: readonly ReplicaSet[], of: (set: ReplicaSet) => number): number {
  return sets.reduce((sum, set) => sum + of(set), 0);
}
