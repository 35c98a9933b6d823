/** Whether a workload is ready, on its way, or will not become ready, by what the cluster shows. */
import type { JsonObject } from "@agentflow/protocol";
import { heldUpBy, waitsForEach } from "./held-up.ts";
import { containerStatuses, type Judging, newEvents } from "./marks.ts";
import { ofPod, type PodTrouble } from "./pod-health.ts";
import { at, conditionOf, kindOf, nameOf, numberAt, textAt, titleOf } from "./reading.ts";
import { isObserved, isOwnedBy, makersOf, podsOf, type Seen } from "./seen.ts";

export type Health =
  | { readonly state: "ready" }
  /** `why` is for people, while they wait. */
  | { readonly state: "waiting"; readonly why: string }
  | ({ readonly state: "failed"; readonly workload: string } & Trouble);

export interface Trouble {
  /** `image_pull`, `crash_loop`, `unschedulable`, … */
  readonly reason: string;
  readonly message: string;
  readonly pod?: string;
  readonly container?: string;
}

export function judge(workload: JsonObject, seen: Seen, judging: Judging): Health {
  const trouble =
    ofWorkload(workload, judging) ??
    ofMakers(workload, seen, judging) ??
    ofPods(workload, seen, judging) ??
    ofOlderPods(workload, seen, judging);
  if (trouble !== undefined) return { state: "failed", workload: titleOf(workload), ...trouble };
  const why = missing(workload);
  return why === undefined
    ? { state: "ready" }
    : { state: "waiting", why: waitingFor(workload, seen) ?? why };
}

function ofWorkload(workload: JsonObject, judging: Judging): Trouble | undefined {
  if (!isObserved(workload)) return undefined;
  if (kindOf(workload) === "Job") {
    const failed = conditionOf(workload, "Failed");
    if (textAt(failed, "status") !== "True") return undefined;
    return { reason: "job_failed", message: `${textAt(failed, "reason")}: ${textAt(failed, "message")}` };
  }
  const replicas = conditionOf(workload, "ReplicaFailure");
  if (textAt(replicas, "status") === "True") {
    const trouble = noPods(workload, textAt(replicas, "message"), judging);
    if (trouble !== undefined) return trouble;
  }
  const progressing = conditionOf(workload, "Progressing");
  if (textAt(progressing, "reason") === "ProgressDeadlineExceeded") {
    // It may be of the deploy before, and stays until a pod is ready.
    const trouble = { reason: "progress_deadline", message: textAt(progressing, "message") };
    if (hasLasted(workload, { ...trouble, hasGrace: true }, judging)) return trouble;
  }
  return undefined;
}

function ofMakers(workload: JsonObject, seen: Seen, judging: Judging): Trouble | undefined {
  if (missing(workload) === undefined) return undefined;
  if (podsOf(workload, seen).length >= wanted(workload)) return undefined;
  for (const maker of makersOf(workload, seen)) {
    const event = newEvents(maker, seen, judging.before).findLast(
      (one) => textAt(one, "reason") === "FailedCreate",
    );
    const trouble = event && noPods(workload, textAt(event, "message"), judging);
    if (trouble !== undefined) return trouble;
  }
  return undefined;
}

/** What a service account or a webhook that is not there yet refuses may be taken a moment later. */
function noPods(workload: JsonObject, message: string, judging: Judging): Trouble | undefined {
  if (/exceeded quota/.test(message)) return { reason: "quota_exceeded", message };
  if (/violates PodSecurity/.test(message)) return { reason: "pod_security", message };
  const trouble = { reason: "pods_not_made", message };
  return hasLasted(workload, { ...trouble, hasGrace: true }, judging) ? trouble : undefined;
}

function ofPods(workload: JsonObject, seen: Seen, judging: Judging): Trouble | undefined {
  if (missing(workload) === undefined) return undefined;
  const found = podsOf(workload, seen).map((pod) => ({ pod, trouble: ofPod(pod, seen, judging) }));
  for (const { pod, trouble } of found) {
    if (trouble === undefined || !hasLasted(pod, trouble, judging)) continue;
    const { reason, message, container } = trouble;
    return { reason, message, pod: nameOf(pod), ...(container === undefined ? {} : { container }) };
  }
  return undefined;
}

/** Those that may go are removed by who waits; of any other somebody has to decide. */
function ofOlderPods(workload: JsonObject, seen: Seen, judging: Judging): Trouble | undefined {
  if (!waitsForEach(workload)) return undefined;
  for (const { pod, trouble } of heldUpBy(workload, seen, judging)) {
    if (!hasLasted(pod, { ...trouble, hasGrace: true }, judging)) continue;
    const message = `its older pod ${nameOf(pod)} holds the rollout up: ${trouble.message}`;
    return { reason: "rollout_held_up", message, pod: nameOf(pod) };
  }
  return undefined;
}

/** In `Judging.since`. */
export function sinceKey(object: string, reason: string): string {
  return `${object}/${reason}`;
}

/** Two minutes, where the grace is thirty seconds. */
const startGraces = 4;

/** Counts the time for which a trouble is seen, by our own clock. */
function hasLasted(
  of: JsonObject,
  { reason, hasGrace, isStart }: PodTrouble,
  { since, nowMs, graceMs }: Judging,
): boolean {
  if (!hasGrace) return true;
  const key = sinceKey(nameOf(of), reason);
  const sinceMs = since.get(key) ?? nowMs;
  since.set(key, sinceMs);
  return nowMs - sinceMs >= graceMs * (isStart === true ? startGraces : 1);
}

/** What it lacks to be ready; undefined when it is. */
function missing(workload: JsonObject): string | undefined {
  const kind = kindOf(workload);
  if (kind === "Job") {
    return textAt(conditionOf(workload, "Complete"), "status") === "True" ? undefined : "runs";
  }
  if (!isObserved(workload)) return "is taken up";
  const replicas = wanted(workload);
  const count = (name: string): number => numberAt(workload, "status", name);
  const updated = count("updatedReplicas");
  if (updated < replicas) return `${updated} of ${replicas} are new`;
  if (kind === "Deployment") {
    if (count("replicas") > updated) return `${count("replicas") - updated} old ones end`;
    if (count("availableReplicas") < replicas)
      return `${count("availableReplicas")} of ${replicas} are ready`;
    return undefined;
  }
  if (count("readyReplicas") < replicas) return `${count("readyReplicas")} of ${replicas} are ready`;
  const [now, next] = [
    textAt(workload, "status", "currentRevision"),
    textAt(workload, "status", "updateRevision"),
  ];
  return now === next || replicas === 0 ? undefined : "the last old one ends";
}

/** A Job has one pod at a time. */
function wanted(workload: JsonObject): number {
  const told = at(workload, "spec", "replicas");
  return typeof told === "number" ? told : 1;
}

/** What the pods are at, for whoever waits. */
function waitingFor(workload: JsonObject, seen: Seen): string | undefined {
  for (const pod of podsOf(workload, seen)) {
    const scheduled = conditionOf(pod, "PodScheduled");
    if (textAt(scheduled, "status") === "False") return textAt(scheduled, "message") || undefined;
    for (const status of containerStatuses(pod)) {
      const reason = textAt(status, "state", "waiting", "reason");
      if (reason !== "" && reason !== "ContainerCreating" && reason !== "PodInitializing") return reason;
    }
  }
  // As on a node that went away: it says neither that they run nor that they have ended.
  const leaving = seen.pods.find((pod) => isLeaving(pod, workload));
  return leaving === undefined ? undefined : `its pod ${nameOf(leaving)} is being removed`;
}

/** A Deployment makes others meanwhile; a StatefulSet's next one has the same name. */
function isLeaving(pod: JsonObject, workload: JsonObject): boolean {
  if (kindOf(workload) !== "StatefulSet" || !isOwnedBy(pod, textAt(workload, "metadata", "uid")))
    return false;
  return textAt(pod, "metadata", "deletionTimestamp") !== "";
}
