/** Whether a workload is ready, on its way, or will not become ready, by what the cluster shows. */
import type { JsonObject } from "@agentflow/protocol";
import { containerStatuses, type Judging, newEvents } from "./marks.ts";
import { ofPod, type PodTrouble } from "./pod-health.ts";
import { at, conditionOf, kindOf, nameOf, numberAt, textAt, titleOf } from "./reading.ts";
import { makersOf, podsOf, type Seen } from "./seen.ts";

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
    ofWorkload(workload) ?? ofMakers(workload, seen, judging) ?? ofPods(workload, seen, judging);
  if (trouble !== undefined) return { state: "failed", workload: titleOf(workload), ...trouble };
  const why = missing(workload);
  return why === undefined
    ? { state: "ready" }
    : { state: "waiting", why: waitingFor(workload, seen) ?? why };
}

function ofWorkload(workload: JsonObject): Trouble | undefined {
  if (!isObserved(workload)) return undefined;
  if (kindOf(workload) === "Job") {
    const failed = conditionOf(workload, "Failed");
    if (textAt(failed, "status") !== "True") return undefined;
    return { reason: "job_failed", message: `${textAt(failed, "reason")}: ${textAt(failed, "message")}` };
  }
  const replicas = conditionOf(workload, "ReplicaFailure");
  if (textAt(replicas, "status") === "True") return noPods(textAt(replicas, "message"));
  const progressing = conditionOf(workload, "Progressing");
  if (textAt(progressing, "reason") === "ProgressDeadlineExceeded") {
    return { reason: "progress_deadline", message: textAt(progressing, "message") };
  }
  return undefined;
}

function ofMakers(workload: JsonObject, seen: Seen, { before }: Judging): Trouble | undefined {
  if (missing(workload) === undefined) return undefined;
  for (const maker of makersOf(workload, seen)) {
    const event = newEvents(maker, seen, before).findLast((one) => textAt(one, "reason") === "FailedCreate");
    if (event !== undefined) return noPods(textAt(event, "message"));
  }
  return undefined;
}

function noPods(message: string): Trouble {
  if (/exceeded quota/.test(message)) return { reason: "quota_exceeded", message };
  if (/violates PodSecurity/.test(message)) return { reason: "pod_security", message };
  return { reason: "pods_not_made", message };
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

/** Counts the time for which a trouble is seen, by our own clock. */
function hasLasted(
  pod: JsonObject,
  { reason, hasGrace }: PodTrouble,
  { since, nowMs, graceMs }: Judging,
): boolean {
  if (!hasGrace) return true;
  const key = `${nameOf(pod)}/${reason}`;
  const sinceMs = since.get(key) ?? nowMs;
  since.set(key, sinceMs);
  return nowMs - sinceMs >= graceMs;
}

function isObserved(workload: JsonObject): boolean {
  if (kindOf(workload) === "Job") return true;
  return numberAt(workload, "status", "observedGeneration") >= numberAt(workload, "metadata", "generation");
}

/** What it lacks to be ready; undefined when it is. */
function missing(workload: JsonObject): string | undefined {
  const kind = kindOf(workload);
  if (kind === "Job") {
    return textAt(conditionOf(workload, "Complete"), "status") === "True" ? undefined : "runs";
  }
  if (!isObserved(workload)) return "is taken up";
  const told = at(workload, "spec", "replicas");
  const replicas = typeof told === "number" ? told : 1;
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
  return undefined;
}
