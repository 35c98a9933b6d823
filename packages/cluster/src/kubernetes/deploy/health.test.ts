/** What counts as a failure, and what only takes its time: one pod of one Deployment. */
import type { Json, JsonObject } from "@agentflow/protocol";
import { describe, expect, test } from "vitest";
import { judge } from "./health.ts";
import type { Seen } from "./seen.ts";

const owned = (uid: string): JsonObject[] => [{ uid, controller: true }];
const revision = { "deployment.kubernetes.io/revision": "1" };

const deployment: JsonObject = {
  kind: "Deployment",
  metadata: { name: "worker", uid: "d", generation: 1, annotations: revision },
  spec: { replicas: 1 },
  status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1 },
};

interface Moment {
  readonly container?: JsonObject;
  readonly conditions?: JsonObject;
  readonly phase?: string;
  /** Reason, message and count of each, about the pod. */
  readonly events?: readonly (readonly [string, string, number])[];
  /** The same about the ReplicaSet, which then has no pod. */
  readonly notMade?: string;
}

function seenAt(moment: Moment): Seen {
  const { container = {}, conditions = {}, phase = "Pending", events = [], notMade } = moment;
  const event = (of: string, [reason, message, count]: readonly [string, string, number]): JsonObject => ({
    type: "Warning",
    metadata: { uid: `${of}/${reason}` },
    involvedObject: { uid: of },
    reason,
    message,
    count,
  });
  const status: Json = {
    phase,
    conditions: Object.entries(conditions).map(
      ([type, value]): JsonObject =>
        typeof value === "string" ? { type, status: value } : { type, ...Object(value) },
    ),
    containerStatuses: [{ name: "worker", ready: false, started: false, restartCount: 0, ...container }],
  };
  return {
    workloads: [deployment],
    replicaSets: [
      {
        kind: "ReplicaSet",
        metadata: { name: "worker-1", uid: "r", ownerReferences: owned("d"), annotations: revision },
      },
    ],
    pods:
      notMade === undefined
        ? [{ kind: "Pod", metadata: { name: "worker-1-a", uid: "p", ownerReferences: owned("r") }, status }]
        : [],
    events: [
      ...events.map((one) => event("p", one)),
      ...(notMade === undefined ? [] : [event("r", ["FailedCreate", notMade, 1])]),
    ],
  };
}

/** Seen twice, with that much time between; as the second look takes it. */
function judged(moment: Moment, afterMs: number): string {
  const seen = seenAt(moment);
  const since = new Map<string, number>();
  const look = (nowMs: number) =>
    judge(deployment, seen, { nowMs, since, before: new Map(), graceMs: 30_000 });
  const first = look(0);
  if (first.state === "failed") return `at once: ${first.reason}`;
  const second = look(afterMs);
  return second.state === "failed" ? second.reason : second.state;
}

const waiting = (reason: string, message = ""): JsonObject => ({ state: { waiting: { reason, message } } });
const running: JsonObject = { state: { running: {} } };
const ended = (exitCode: number): JsonObject => ({ lastState: { terminated: { exitCode } } });
const mount = ["FailedMount", "failed to sync secret cache: timed out waiting for the condition", 2] as const;
const starting = ["Unhealthy", "Startup probe failed: connection refused", 25] as const;
const unready = ["Unhealthy", "Readiness probe failed: 503", 25] as const;

describe("one pod, looked at again after a minute", () => {
  const rows: readonly (readonly [string, Moment, string])[] = [
    ["its node fetches the image", { container: waiting("ContainerCreating") }, "waiting"],
    ["no such image", { container: waiting("ImagePullBackOff") }, "at once: image_pull"],
    ["a pull that fails for a minute", { container: waiting("ErrImagePull") }, "image_pull"],
    ["a name that is none", { container: waiting("InvalidImageName") }, "at once: image_pull"],
    ["a Secret that stays away", { container: waiting("CreateContainerConfigError") }, "container_config"],
    ["it starts slowly", { phase: "Running", container: running, events: [starting] }, "waiting"],
    [
      "its start is over the probe's time",
      { phase: "Running", container: { ...running, restartCount: 1 }, events: [starting] },
      "at once: probe_failing",
    ],
    [
      "it has started and does not get ready",
      { phase: "Running", container: { ...running, started: true }, events: [unready] },
      "probe_failing",
    ],
    [
      "it ends by itself before it is ready",
      { phase: "Running", container: { ...running, ...ended(3), restartCount: 2 }, events: [starting] },
      "at once: crash_loop",
    ],
    [
      "it ends twice",
      { phase: "Running", container: { ...running, restartCount: 2 } },
      "at once: crash_loop",
    ],
    ["a volume that is not mounted", { events: [mount] }, "volume_mount"],
    [
      "a volume that was mounted at the second try, then a long pull",
      {
        events: [mount],
        conditions: { PodReadyToStartContainers: "True" },
        container: waiting("ContainerCreating"),
      },
      "waiting",
    ],
    [
      "no node takes it",
      { conditions: { PodScheduled: { status: "False", reason: "Unschedulable", message: "0/1 nodes" } } },
      "unschedulable",
    ],
    ["no room in the quota", { notMade: "exceeded quota: small" }, "at once: quota_exceeded"],
    ["what the namespace forbids", { notMade: "violates PodSecurity" }, "at once: pod_security"],
    ["who may not be asked for", { notMade: "error looking up service account" }, "pods_not_made"],
  ];

  test.each(rows)("%s", (_, moment, expected) => {
    expect(judged(moment, 60_000)).toBe(expected);
  });
});

test("a start is given four times as long", () => {
  const slow: Moment = { phase: "Running", container: running, events: [starting] };
  expect(judged(slow, 119_000)).toBe("waiting");
  expect(judged(slow, 120_000)).toBe("probe_failing");
});

test("what may mend by itself is given its time", () => {
  expect(judged({ container: waiting("ErrImagePull") }, 10_000)).toBe("waiting");
  expect(judged({ notMade: "error looking up service account" }, 10_000)).toBe("waiting");
});

test("an old pod of a StatefulSet that does not go is named: its node may be gone", () => {
  const set: JsonObject = {
    kind: "StatefulSet",
    metadata: { name: "nats", uid: "s", generation: 2 },
    spec: { replicas: 1 },
    status: { observedGeneration: 2, updateRevision: "nats-2" },
  };
  const pod: JsonObject = {
    kind: "Pod",
    metadata: {
      name: "nats-1",
      uid: "p",
      ownerReferences: owned("s"),
      labels: { "controller-revision-hash": "nats-1" },
      deletionTimestamp: "2026-01-01T00:00:00Z",
    },
  };
  const seen = { workloads: [set], replicaSets: [], pods: [pod], events: [] };
  const judging = { nowMs: 0, since: new Map(), before: new Map(), graceMs: 0 };
  expect(judge(set, seen, judging)).toEqual({ state: "waiting", why: "its pod nats-1 is being removed" });
});

test("a deadline that was missed before is given the time in which a pod may get ready now", () => {
  const conditions = [
    { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "" },
  ];
  const missed = {
    ...deployment,
    status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, conditions },
  };
  const seen = seenAt({ container: waiting("ContainerCreating") });
  const since = new Map<string, number>();
  const at = (nowMs: number) => judge(missed, seen, { nowMs, since, before: new Map(), graceMs: 30_000 });
  expect(at(0).state).toBe("waiting");
  expect(at(30_000)).toMatchObject({ state: "failed", reason: "progress_deadline" });
});
