import { expect, test } from "vitest";
import type { JsonObject } from "../object.ts";
import { podState } from "./table-pods.ts";

const running = (name: string, started: boolean) => ({
  name,
  ready: started,
  started,
  state: { running: {} },
});
const pod = (broker: JsonObject, worker: JsonObject): JsonObject => ({
  spec: {
    initContainers: [{ name: "broker", restartPolicy: "Always" }],
    containers: [{ name: "worker" }],
  },
  status: { phase: "Running", initContainerStatuses: [broker], containerStatuses: [worker] },
});

// A worker with its broker was told as one that has not begun.
test("a container that goes on beside the others counts as one of them once it has started", () => {
  const both = podState(pod(running("broker", true), running("worker", true)));
  expect(both).toEqual({ ready: "2/2", status: "Running", restarts: "0" });
  const waiting = { name: "worker", ready: false, state: { waiting: { reason: "PodInitializing" } } };
  expect(podState(pod(running("broker", false), waiting))).toMatchObject({
    ready: "0/2",
    status: "Init:0/1",
  });
  const crashed = { name: "broker", ready: false, started: false, restartCount: 2 };
  const again = { ...crashed, state: { waiting: { reason: "CrashLoopBackOff" } } };
  expect(podState(pod(again, running("worker", true)))).toEqual({
    ready: "1/2",
    status: "Init:CrashLoopBackOff",
    restarts: "2",
  });
});
