import { expect, test } from "vitest";
import { judge } from "./health.ts";
import type { Judging } from "./marks.ts";
import type { Seen } from "./seen.ts";

const owner = (uid: string) => ({ ownerReferences: [{ uid, controller: true }] });
const workload = {
  kind: "Deployment",
  metadata: { name: "d", uid: "d", generation: 1, annotations: { "deployment.kubernetes.io/revision": "1" } },
  spec: { replicas: 1 },
  status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1 },
};
const pod = {
  kind: "Pod",
  metadata: { name: "p", uid: "p", ...owner("r") },
  status: { phase: "Running", containerStatuses: [{ name: "c", ready: false, state: { running: {} } }] },
};

const seenWith = (message: string): Seen => ({
  workloads: [workload],
  replicaSets: [
    {
      kind: "ReplicaSet",
      metadata: { name: "r", uid: "r", ...owner("d"), annotations: workload.metadata.annotations },
    },
  ],
  pods: [pod],
  events: [
    {
      reason: "Unhealthy",
      type: "Warning",
      message,
      count: 9,
      involvedObject: { uid: "p" },
      metadata: { uid: "e" },
    },
  ],
});

/** How it is judged so long after the trouble was seen first. */
function stateAfter(ms: number, message: string): string {
  const since = new Map<string, number>();
  const at = (nowMs: number): Judging => ({ nowMs, since, before: new Map(), graceMs: 30_000 });
  judge(workload, seenWith(message), at(0));
  return judge(workload, seenWith(message), at(ms)).state;
}

test("a slow start is waited for longer than a program that has started and is not well", () => {
  const [start, ready] = ["Startup probe failed: …", "Readiness probe failed: …"];
  expect([stateAfter(29_000, ready), stateAfter(30_000, ready)]).toEqual(["waiting", "failed"]);
  expect([stateAfter(119_000, start), stateAfter(120_000, start)]).toEqual(["waiting", "failed"]);
});
