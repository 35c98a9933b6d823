/** Nodes that are being made: what adds them says so in an event of the pod that waits for one. */
import type { Access } from "./access.ts";
import { textAt } from "./reading.ts";

/** Reasons of the Cluster Autoscaler's events, of whether it adds a node, and of Karpenter's. */
const isComing: Readonly<Record<string, boolean>> = {
  TriggeredScaleUp: true,
  Nominated: true,
  NotTriggerScaleUp: false,
};

/** By the newest of them. False also where events cannot be read. */
export async function isNodeComing(access: Access, pod: string): Promise<boolean> {
  const query = { fieldSelector: `involvedObject.kind=Pod,involvedObject.name=${pod}` };
  const events = await access.list({ apiVersion: "v1", kind: "Event" }, query).catch(() => []);
  const told = events
    .filter((one) => Object.hasOwn(isComing, textAt(one, "reason")))
    .map((one) => ({ at: seenAt(one), reason: textAt(one, "reason") }))
    .sort((a, b) => a.at.localeCompare(b.at));
  return isComing[told.at(-1)?.reason ?? ""] ?? false;
}

/** When it happened last: events of one cluster are compared with each other alone. */
function seenAt(event: Parameters<typeof textAt>[0]): string {
  return (
    textAt(event, "series", "lastObservedTime") ||
    textAt(event, "lastTimestamp") ||
    textAt(event, "eventTime") ||
    textAt(event, "metadata", "creationTimestamp")
  );
}
