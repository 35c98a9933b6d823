/**
 * A pod of an older template that holds a StatefulSet's rollout up: the cluster waits for it to become ready
 * before it replaces it, which it never will ("forced rollback" in the documentation of StatefulSets).
 */
import type { JsonObject } from "@agentflow/protocol";
import { type Access, identityOf } from "./access.ts";
import { containerStatuses, type Judging } from "./marks.ts";
import { ofPod, type PodTrouble } from "./pod-health.ts";
import { conditionOf, kindOf, objectAt, textAt, textsAt, titleOf } from "./reading.ts";
import { isObserved, isOwnedBy, type Seen } from "./seen.ts";

export interface HeldUp {
  readonly pod: JsonObject;
  readonly trouble: PodTrouble;
  /** Nothing is lost with it: it was never ready and runs nothing, so it has no vote; its volume stays. */
  readonly mayGo: boolean;
}

export function heldUpBy(workload: JsonObject, seen: Seen, judging: Judging): readonly HeldUp[] {
  const revision = textAt(workload, "status", "updateRevision");
  if (kindOf(workload) !== "StatefulSet" || revision === "") return [];
  if (!isObserved(workload) || textAt(workload, "spec", "updateStrategy", "type") === "OnDelete") return [];
  const uid = textAt(workload, "metadata", "uid");
  const older = seen.pods.filter(
    (pod) =>
      isOwnedBy(pod, uid) &&
      textsAt(pod, "metadata", "labels")["controller-revision-hash"] !== revision &&
      textAt(pod, "metadata", "deletionTimestamp") === "",
  );
  return older.flatMap((pod) => {
    const trouble = ofPod(pod, seen, judging);
    return trouble === undefined ? [] : [{ pod, trouble, mayGo: !wasEverReady(pod) && !runsAnything(pod) }];
  });
}

/**
 * Removes what may go, as the documentation says to do by hand; each once. Who has no right to it is told
 * by the failure of the wait, which names the pod.
 */
export async function freeRollouts(
  heldUp: readonly HeldUp[],
  of: { readonly access: Access; readonly freed: Set<string>; readonly onStep: (text: string) => void },
): Promise<void> {
  for (const { pod, mayGo } of heldUp) {
    const uid = textAt(pod, "metadata", "uid");
    if (!mayGo || of.freed.has(uid)) continue;
    of.freed.add(uid);
    const isGone = await of.access.remove(identityOf(pod), uid).catch(() => false);
    if (isGone)
      of.onStep(`${titleOf(pod)} of an older version never got ready and held the rollout up: removed`);
  }
}

/** One pod after the other, each ready before the next: where the cluster does not go on by itself. */
export function waitsForEach(workload: JsonObject): boolean {
  return textAt(workload, "spec", "podManagementPolicy") !== "Parallel";
}

/** Both times are of one clock, its node's: where it never became ready they are one moment. */
function wasEverReady(pod: JsonObject): boolean {
  const ready = conditionOf(pod, "Ready");
  if (ready === undefined) return false;
  if (textAt(ready, "status") === "True") return true;
  const since = Date.parse(textAt(ready, "lastTransitionTime"));
  const started = Date.parse(textAt(pod, "status", "startTime"));
  return !(since - started <= sameMomentMs);
}

const sameMomentMs = 1_000;

function runsAnything(pod: JsonObject): boolean {
  return containerStatuses(pod).some((one) => Object.keys(objectAt(one, "state", "running")).length > 0);
}
