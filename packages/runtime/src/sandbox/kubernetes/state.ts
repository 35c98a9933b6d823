/** How a pod stands: running, on its way, or in a state that it does not leave by itself. */
import type { Json } from "@agentflow/protocol";
import { jsonAt, jsonList, jsonText } from "../applied.ts";
import type { SandboxExit } from "../source.ts";

export type PodState =
  | { readonly kind: "running"; readonly node: string }
  /** With what is known of why it takes time. */
  | { readonly kind: "coming"; readonly why: string }
  | { readonly kind: "failed"; readonly why: string };

/** Reasons of a waiting container that only somebody else can mend. */
const hopeless = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "ErrImageNeverPull",
  "InvalidImageName",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
  "CrashLoopBackOff",
]);

export function stateOf(pod: Json): PodState {
  const phase = jsonText(pod, "status", "phase");
  const container = jsonList(jsonAt(pod, "status", "containerStatuses"))[0] ?? null;
  if (phase === "Failed" || phase === "Succeeded") return { kind: "failed", why: endOf(pod) };
  if (jsonAt(container, "state", "running") !== null) {
    return { kind: "running", node: jsonText(pod, "spec", "nodeName") };
  }
  if (jsonAt(container, "state", "terminated") !== null) return { kind: "failed", why: endOf(pod) };
  const reason = jsonText(container, "state", "waiting", "reason");
  const message = jsonText(container, "state", "waiting", "message");
  const said = message === "" ? reason : `${reason}: ${message}`;
  if (hopeless.has(reason)) return { kind: "failed", why: said };
  return { kind: "coming", why: unscheduled(pod) ?? said };
}

/** Nodes may be on their way: so this alone ends nothing. */
function unscheduled(pod: Json): string | undefined {
  const conditions = jsonList(jsonAt(pod, "status", "conditions"));
  const scheduled = conditions.find((one) => jsonText(one, "type") === "PodScheduled") ?? null;
  if (jsonText(scheduled, "status") !== "False") return undefined;
  return `no node takes it: ${jsonText(scheduled, "message")}`;
}

function endOf(pod: Json): string {
  const reason = jsonText(pod, "status", "reason");
  const message = jsonText(pod, "status", "message");
  const { code, outOfMemory } = exitOf(pod);
  const how = outOfMemory ? "it ran out of memory" : `exit code ${code}`;
  if (reason === "") return how;
  return message === "" ? reason : `${reason}: ${message}`;
}

/** What the pod says of how it ended, for a call whose program said nothing. */
export function exitOf(pod: Json): SandboxExit {
  const container = jsonList(jsonAt(pod, "status", "containerStatuses"))[0] ?? null;
  const ended = jsonAt(container, "state", "terminated");
  const code = Number(jsonAt(ended, "exitCode") ?? -1);
  const outOfMemory = jsonText(ended, "reason") === "OOMKilled";
  const reason = jsonText(pod, "status", "reason");
  if (reason === "") return { code, outOfMemory };
  // Evicted, DeadlineExceeded, Shutdown, Preempting: the cluster's own doing.
  const message = jsonText(pod, "status", "message");
  return { code: -1, outOfMemory, why: message === "" ? reason : `${reason}: ${message}` };
}

export function isOver(pod: Json): boolean {
  const { kind } = stateOf(pod);
  return kind === "failed";
}
