import { afterEach, expect, test } from "vitest";
import { type Behind, putNode, startBehind } from "./behind.ts";
import { processes } from "./runtime/processes.ts";
import { memoryStore } from "./world/memory-store.ts";
import { get, list } from "./world/world.ts";

const resources = () => ["pods", "deployments.apps", "replicasets.apps", "statefulsets.apps", "jobs.batch"];
const running: Behind[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

function begin(pace = 20) {
  const store = memoryStore();
  store.put(
    { resource: "namespaces", namespace: "", name: "a" },
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "a" } },
  );
  putNode(store, { name: "node1" });
  const behind = startBehind({ store, resources, pace, runtime: processes({ images: ["bbsh:1"] }) });
  running.push(behind);
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      if (holds()) {
        resolve();
        return;
      }
      const end = store.subscribe(() => {
        if (!holds()) return;
        end();
        resolve();
      });
    });
  const apply = (resource: string, kind: string, name: string, spec: object) =>
    store.put(
      { resource, namespace: "a", name },
      JSON.parse(
        JSON.stringify({ apiVersion: "apps/v1", kind, metadata: { name, labels: { app: name } }, spec }),
      ),
    );
  return { store, behind, until, apply };
}

const loop = 'trap "exit 0" TERM; echo ready; while true; do sleep 0.1; done';
const podOf = (app: string, container: object, more: object = {}) => ({
  metadata: { labels: { app } },
  spec: {
    terminationGracePeriodSeconds: 1,
    ...more,
    containers: [{ name: "main", image: "bbsh:1", ...container }],
  },
});
const deployment = (app: string, container: object, more: object = {}) => ({
  replicas: 2,
  selector: { matchLabels: { app } },
  template: podOf(app, container),
  ...more,
});

test("a Deployment rolls out, and rolls over to another template", async () => {
  const { store, until, apply } = begin();
  const at = { namespace: "a", name: "good" };
  const done = (generation: number) => () => {
    const found = get(store, "deployments.apps", at);
    return (
      found?.status?.observedGeneration === generation &&
      found.status.conditions?.some((one) => one.reason === "NewReplicaSetAvailable") === true &&
      found.status.updatedReplicas === 2 &&
      found.status.replicas === 2 &&
      found.status.availableReplicas === 2
    );
  };
  const command = ["/bin/sh", "-c", loop];
  const probe = { readinessProbe: { exec: { command: ["true"] }, periodSeconds: 1 } };
  apply("deployments.apps", "Deployment", "good", deployment("good", { command, ...probe }));
  await until(done(1));
  const kept = store.get({ resource: "deployments.apps", ...at });
  store.put(
    { resource: "deployments.apps", ...at },
    JSON.parse(
      JSON.stringify({
        ...kept,
        metadata: { ...kept?.metadata, generation: 2 },
        spec: deployment("good", { command, env: [{ name: "REV", value: "2" }], ...probe }),
      }),
    ),
  );
  await until(done(2));
  await until(() => list(store, "pods", "a").length === 2);
  expect(
    list(store, "replicasets.apps", "a")
      .map((set) => set.spec.replicas)
      .toSorted((one, other) => (one ?? 0) - (other ?? 0)),
  ).toEqual([0, 2]);
});

test("a container that crashes comes back, later each time, and its logs tell why", async () => {
  const { store, until, apply, behind } = begin(100);
  const command = ["/bin/sh", "-c", "echo starting; echo fatal >&2; exit 3"];
  apply("deployments.apps", "Deployment", "crash", deployment("crash", { command }, { replicas: 1 }));
  const status = () => list(store, "pods", "a")[0]?.status?.containerStatuses?.[0];
  await until(() => status()?.state.waiting?.reason === "CrashLoopBackOff");
  expect(status()).toMatchObject({
    restartCount: 1,
    lastState: { terminated: { exitCode: 3, reason: "Error" } },
  });
  const [pod] = list(store, "pods", "a");
  const lines: Buffer[] = [];
  const query = { follow: false, previous: true, timestamps: false };
  const of = { namespace: "a", pod: pod?.metadata.name ?? "", container: "main" };
  for await (const line of behind.nodes.logs(of, query, new AbortController().signal)) lines.push(line);
  expect(Buffer.concat(lines).toString()).toMatch(/starting\n|fatal\n/);
});

test("an image that is not there, and a node that is not there, are said", async () => {
  const { store, until, apply } = begin(100);
  const spec = deployment(
    "bad",
    { image: "registry.invalid/no/such:1" },
    { replicas: 1, progressDeadlineSeconds: 20 },
  );
  apply("deployments.apps", "Deployment", "bad", spec);
  const waiting = () => list(store, "pods", "a")[0]?.status?.containerStatuses?.[0]?.state.waiting;
  await until(() => waiting()?.reason === "ErrImagePull");
  await until(() => waiting()?.reason === "ImagePullBackOff");
  const progressing = () =>
    get(store, "deployments.apps", { namespace: "a", name: "bad" })?.status?.conditions?.find(
      (one) => one.type === "Progressing",
    );
  await until(() => progressing()?.reason === "ProgressDeadlineExceeded");
  const template = podOf("none", { command: ["true"] }, { nodeSelector: { "af.dev/none": "true" } });
  apply("deployments.apps", "Deployment", "none", { ...deployment("none", {}), replicas: 1, template });
  const unscheduled = () =>
    list(store, "pods", "a").find((pod) => pod.metadata.labels?.["app"] === "none")?.status?.conditions?.[0];
  await until(() => unscheduled()?.reason === "Unschedulable");
  expect(unscheduled()?.message).toBe(
    "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to " +
      "deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
  );
});

test("Jobs complete, and fail when they have failed too often", async () => {
  const { store, until, apply } = begin(100);
  const of = (script: string) => ({
    backoffLimit: 1,
    template: podOf("j", { command: ["/bin/sh", "-c", script] }, { restartPolicy: "Never" }),
  });
  apply("jobs.batch", "Job", "ok", of("echo done"));
  apply("jobs.batch", "Job", "no", of("exit 2"));
  const status = (name: string) => get(store, "jobs.batch", { namespace: "a", name })?.status;
  await until(() => status("ok")?.conditions?.some((one) => one.type === "Complete") === true);
  await until(() => status("no")?.conditions?.some((one) => one.type === "Failed") === true);
  expect([status("ok")?.succeeded, status("no")?.failed]).toEqual([1, 2]);
});

test("a StatefulSet starts its pods in order, each with a claim of its own", async () => {
  const { store, until, apply } = begin(100);
  store.put(
    { resource: "storageclasses.storage.k8s.io", namespace: "", name: "local" },
    { metadata: { name: "local", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } } },
  );
  const command = ["/bin/sh", "-c", `echo kept >> /data/file; ${loop}`];
  apply("statefulsets.apps", "StatefulSet", "n", {
    replicas: 2,
    serviceName: "n",
    ordinals: { start: 1 },
    selector: { matchLabels: { app: "n" } },
    template: podOf("n", { command, volumeMounts: [{ name: "data", mountPath: "/data" }] }),
    volumeClaimTemplates: [
      { metadata: { name: "data" }, spec: { resources: { requests: { storage: "1Gi" } } } },
    ],
  });
  const status = () => get(store, "statefulsets.apps", { namespace: "a", name: "n" })?.status;
  await until(() => status()?.readyReplicas === 2);
  expect(list(store, "pods", "a").map((pod) => pod.metadata.name)).toEqual(["n-1", "n-2"]);
  expect(list(store, "persistentvolumeclaims", "a").map((one) => one.metadata.name)).toEqual([
    "data-n-1",
    "data-n-2",
  ]);
});

test("of a class that makes no volumes a claim takes one that somebody has made", async () => {
  const { store, until, apply } = begin(100);
  const put = (resource: string, name: string, more: object) =>
    store.put({ resource, namespace: "", name }, JSON.parse(JSON.stringify({ metadata: { name }, ...more })));
  put("storageclasses.storage.k8s.io", "by-hand", { provisioner: "kubernetes.io/no-provisioner" });
  const spec = { storageClassName: "by-hand", local: { path: "/var/tmp/a" } };
  put("persistentvolumes", "only", { spec });
  for (const name of ["one", "two"]) {
    apply("persistentvolumeclaims", "PersistentVolumeClaim", name, {
      storageClassName: "by-hand",
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
    });
  }
  const claim = (name: string) => get(store, "persistentvolumeclaims", { namespace: "a", name });
  await until(() => claim("one")?.status?.phase === "Bound");
  expect(claim("one")?.spec.volumeName).toBe("only");
  expect(claim("two")?.status?.phase).not.toBe("Bound");
});

// A broker that went before its worker took the calls of that one along.
test("what stands beside the others is ended after them", async () => {
  const { store, until, behind } = begin();
  const killed: string[] = [];
  store.subscribe(({ key, object }) => {
    const isKilling = key.resource === "events" && object["reason"] === "Killing";
    if (isKilling && typeof object["message"] === "string") killed.push(object["message"]);
  });
  const beside = { name: "side", image: "bbsh:1", restartPolicy: "Always", command: ["sh", "-c", loop] };
  const { spec } = podOf("two", { command: ["sh", "-c", loop] }, { initContainers: [beside] });
  const key = { resource: "pods", namespace: "a", name: "two" };
  const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "two" }, spec };
  store.put(key, JSON.parse(JSON.stringify(object)));
  await until(() => get(store, "pods", key)?.status?.containerStatuses?.[0]?.state.running !== undefined);
  behind.world.writer.remove(key, {});
  await until(() => get(store, "pods", key) === undefined);
  expect(killed).toEqual(["Stopping container main", "Stopping container side"]);
});
