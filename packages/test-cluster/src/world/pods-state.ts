/** What controllers ask of a pod. */
import type { Condition, Pod } from "./parse-kinds.ts";

export function isReady(pod: Pod): boolean {
  return conditionOf(pod.status?.conditions, "Ready")?.status === "True";
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

/** Neither ended nor being deleted. */
export function isActive(pod: Pod): boolean {
  return !hasEnded(pod) && !isTerminating(pod);
}

export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

export function conditionOf(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** With this condition in place of the one of its type; its transition only moves with its status. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  condition: Condition,
  stamp: string,
): Condition[] {
  const before = conditionOf(conditions, condition.type);
  const made = {
    ...condition,
    lastTransitionTime: before?.status === condition.status ? (before.lastTransitionTime ?? stamp) : stamp,
  };
  if (before === undefined) return [...(conditions ?? []), made];
  return (conditions ?? []).map((one) => (one.type === condition.type ? made : one));
}
