/** What is wrong with a pod, if it will not mend by itself. */
import type { JsonObject } from "@agentflow/protocol";
import { containerStatuses, eventCount, type Judging, newEvents } from "./marks.ts";
import { conditionOf, numberAt, textAt } from "./reading.ts";
import type { Seen } from "./seen.ts";

export interface PodTrouble {
  readonly reason: string;
  readonly message: string;
  readonly container?: string;
  /** May mend by itself: counts once it has lasted. */
  readonly hasGrace: boolean;
}

const waits: Readonly<Record<string, { readonly reason: string; readonly hasGrace: boolean }>> = {
  ErrImagePull: { reason: "image_pull", hasGrace: false },
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
  if (restarts >= 1 && unhealthy !== undefined) {
    return { reason: "probe_failing", message: textAt(unhealthy, "message"), container, hasGrace: false };
  }
  if (restarts >= restartsMax) {
    return { reason: "crash_loop", message: endText(status), container, hasGrace: false };
  }
  if (unhealthy !== undefined && eventCount(unhealthy) >= unhealthyMax) {
    return { reason: "probe_failing", message: textAt(unhealthy, "message"), container, hasGrace: true };
  }
  return undefined;
}

/** How a container ended the last time. */
function endText(status: JsonObject): string {
  const now = textAt(status, "state", "terminated", "finishedAt") !== "";
  const path = now ? ["state", "terminated"] : ["lastState", "terminated"];
  const reason = textAt(status, ...path, "reason");
  const code = numberAt(status, ...path, "exitCode");
  const restarts = numberAt(status, "restartCount");
  const message = textAt(status, ...path, "message");
  if (reason === "StartError" || reason === "ContainerCannotRun") return `cannot be started: ${message}`;
  const how = reason === "OOMKilled" ? "ran out of memory" : `ends with exit code ${code}`;
  return `${how}, restarted ${restarts === 1 ? "once" : `${restarts} times`}`;
}

function ofMounts(pod: JsonObject, seen: Seen, { before }: Judging): PodTrouble | undefined {
  if (textAt(pod, "status", "phase") !== "Pending") return undefined;
  const event = newEvents(pod, seen, before).findLast((one) =>
    ["FailedMount", "FailedAttachVolume"].includes(textAt(one, "reason")),
  );
  if (event === undefined) return undefined;
  return { reason: "volume_mount", message: textAt(event, "message"), hasGrace: true };
}
