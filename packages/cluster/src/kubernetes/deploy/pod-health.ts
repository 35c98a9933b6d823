/** What is wrong with a pod, if it will not mend by itself. */
import type { JsonObject } from "@agentflow/protocol";
import { containerStatuses, eventCount, type Judging, newEvents } from "./marks.ts";
import { conditionOf, numberAt, objectAt, textAt } from "./reading.ts";
import type { Seen } from "./seen.ts";

export interface PodTrouble {
  readonly reason: string;
  readonly message: string;
  readonly container?: string;
  /** May mend by itself: counts once it has lasted. */
  readonly hasGrace: boolean;
  /** It has not started yet, which a slow machine may take long for. */
  readonly isStart?: true;
}

const waits: Readonly<Record<string, { readonly reason: string; readonly hasGrace: boolean }>> = {
  // A registry that was busy once: when it fails again, ImagePullBackOff follows within seconds.
  ErrImagePull: { reason: "image_pull", hasGrace: true },
  ImagePullBackOff: { reason: "image_pull", hasGrace: false },
  InvalidImageName: { reason: "image_pull", hasGrace: false },
  ErrImageNeverPull: { reason: "image_pull", hasGrace: false },
  // A Secret that was made a moment ago may not have reached the node.
  CreateContainerConfigError: { reason: "container_config", hasGrace: true },
  CreateContainerError: { reason: "container_start", hasGrace: true },
  RunContainerError: { reason: "container_start", hasGrace: false },
  CrashLoopBackOff: { reason: "crash_loop", hasGrace: false },
};

const restartsMax = 2;
const unhealthyMax = 3;

export function ofPod(pod: JsonObject, seen: Seen, judging: Judging): PodTrouble | undefined {
  const scheduled = conditionOf(pod, "PodScheduled");
  if (textAt(scheduled, "status") === "False" && textAt(scheduled, "reason") === "Unschedulable") {
    return { reason: "unschedulable", message: textAt(scheduled, "message"), hasGrace: true };
  }
  for (const status of containerStatuses(pod)) {
    const trouble = ofContainer(pod, status, { seen, judging });
    if (trouble !== undefined) return trouble;
  }
  return ofMounts(pod, seen, judging);
}

interface Context {
  readonly seen: Seen;
  readonly judging: Judging;
}

function ofContainer(pod: JsonObject, status: JsonObject, context: Context): PodTrouble | undefined {
  const container = textAt(status, "name");
  const waiting = textAt(status, "state", "waiting", "reason");
  const known = waits[waiting];
  if (known !== undefined) {
    const said = textAt(status, "state", "waiting", "message");
    const message = known.reason === "crash_loop" ? endText(status) : said === "" ? waiting : said;
    return { ...known, message, container };
  }
  if (status["ready"] === true) return undefined;
  const mark = context.judging.before.get(`${textAt(pod, "metadata", "uid")}/${container}`) ?? 0;
  const restarts = numberAt(status, "restartCount") - mark;
  const unhealthy = newEvents(pod, context.seen, context.judging.before).findLast(
    (event) => textAt(event, "reason") === "Unhealthy",
  );
  if (restarts >= 1 && unhealthy !== undefined && wasStopped(status)) {
    return { reason: "probe_failing", message: textAt(unhealthy, "message"), container, hasGrace: false };
  }
  if (restarts >= restartsMax) {
    return { reason: "crash_loop", message: endText(status), container, hasGrace: false };
  }
  if (unhealthy !== undefined && eventCount(unhealthy) >= unhealthyMax) {
    const message = textAt(unhealthy, "message");
    const start = message.startsWith("Startup probe") ? { isStart: true as const } : {};
    return { reason: "probe_failing", message, container, hasGrace: true, ...start };
  }
  return undefined;
}

/** How a container ended the last time. */
function endOf(status: JsonObject): JsonObject {
  const now = textAt(status, "state", "terminated", "finishedAt") !== "";
  return objectAt(status, now ? "state" : "lastState", "terminated");
}

/** By a signal, as one whose probe fails, or in good order after it. Who ends by itself has another code. */
function wasStopped(status: JsonObject): boolean {
  const end = endOf(status);
  return textAt(end, "reason") !== "OOMKilled" && [0, 137, 143].includes(numberAt(end, "exitCode"));
}

function endText(status: JsonObject): string {
  const end = endOf(status);
  const reason = textAt(end, "reason");
  const restarts = numberAt(status, "restartCount");
  if (reason === "StartError" || reason === "ContainerCannotRun")
    return `cannot be started: ${textAt(end, "message")}`;
  const how =
    reason === "OOMKilled" ? "ran out of memory" : `ends with exit code ${numberAt(end, "exitCode")}`;
  return `${how}, restarted ${restarts === 1 ? "once" : `${restarts} times`}`;
}

function ofMounts(pod: JsonObject, seen: Seen, { before }: Judging): PodTrouble | undefined {
  if (textAt(pod, "status", "phase") !== "Pending") return undefined;
  // Volumes come before the pod's network: what is said of them from before then is over.
  if (textAt(conditionOf(pod, "PodReadyToStartContainers"), "status") === "True") return undefined;
  const event = newEvents(pod, seen, before).findLast((one) =>
    ["FailedMount", "FailedAttachVolume"].includes(textAt(one, "reason")),
  );
  if (event === undefined) return undefined;
  return { reason: "volume_mount", message: textAt(event, "message"), hasGrace: true };
}
