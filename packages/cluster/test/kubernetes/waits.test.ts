/** What comes in the middle of a deploy, shown against the API server for tests. */
import { AgentFlowError } from "@agentflow/protocol";
import { putNode, startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deploy } from "../../src/kubernetes/deploy/deploy.ts";
import type { Deploying, ShownObject } from "../../src/kubernetes/deploy/deploying.ts";
import type { Release } from "../../src/kubernetes/release.ts";
import { asTheGuideSays } from "./guide.ts";
import { altered, builds, deployingTo, name, type Standin, standin } from "./standin.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster({ pods: "processes", pace: 10 });
});
afterAll(() => cluster.stop());

const worker = `${name}-worker-default-${builds.one}`;
const controlPlane = `${name}-control-plane`;

interface Ended {
  readonly error: AgentFlowError | undefined;
  readonly states: readonly string[];
}

/** `on`: called with what is shown, as it goes on. */
async function run(
  release: Release,
  on: (shown: string) => void = () => undefined,
  more: Partial<Deploying> = {},
): Promise<Ended> {
  const deploying = await deployingTo(cluster, release, more);
  const progress = {
    step: (text: string) => {
      on(text);
    },
    object: (title: string, state: ShownObject) => {
      deploying.progress.object(title, state);
      on(`${title} ${state}`);
    },
  };
  try {
    await deploy({ ...deploying, progress });
    return { error: undefined, states: deploying.told.states };
  } catch (error) {
    if (!AgentFlowError.is(error)) throw error;
    return { error, states: deploying.told.states };
  } finally {
    deploying.close();
  }
}

async function failed(of: Standin, on?: (shown: string) => void): Promise<AgentFlowError> {
  const { error } = await run(standin(of), on);
  if (error === undefined) throw new Error("it went well");
  return error;
}

const namespaceOf = (named: string, labels: Record<string, string> = {}): void => {
  cluster.writer.create("namespaces", "", {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: named, labels },
  });
};

test("a quota that is used up only while pods are made: at once, in the cluster's words", async () => {
  const namespace = "quota-later";
  const error = await failed({ namespace, cpu: "100m" }, (shown) => {
    if (shown !== `Deployment/${worker} creating`) return;
    cluster.writer.create("resourcequotas", namespace, {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "late" },
      spec: { hard: { pods: "1" } },
    });
  });
  expect(error).toMatchObject({ reason: "quota_exceeded" });
  expect(error.message).toContain("exceeded quota: late");
  asTheGuideSays("quota, used up meanwhile", error);
});

test("a namespace that forbids our pods: at once, with the rule that they break", async () => {
  const namespace = "restricted";
  namespaceOf(namespace, { "pod-security.kubernetes.io/enforce": "restricted" });
  const release = altered(standin({ namespace }), `Deployment/${worker}`, (spec) => {
    const template = JSON.parse(JSON.stringify(spec["template"]));
    template.spec.containers[0].securityContext.allowPrivilegeEscalation = true;
    return { ...spec, template };
  });
  const { error } = await run(release);
  if (error === undefined) throw new Error("it went well");
  expect(error).toMatchObject({ reason: "pod_security" });
  expect(error.message).toContain("allowPrivilegeEscalation");
  asTheGuideSays("PodSecurity", error);
});

test("after a deploy that went well: another image that cannot be pulled, the old pods go on", async () => {
  const namespace = "image-later";
  expect((await run(standin({ namespace }))).error).toBeUndefined();
  const podsOf = (): string[] =>
    cluster.store
      .list("pods", namespace)
      .filter(
        ({ metadata, ...pod }) =>
          metadata.name.startsWith(worker) && JSON.stringify(pod).includes('"ready":true'),
      )
      .map(({ metadata }) => metadata.name);
  const before = podsOf();
  expect(before).toHaveLength(1);
  const error = await failed({ namespace, workerImage: "registry.invalid/none:2" });
  expect(error).toMatchObject({ reason: "image_pull" });
  asTheGuideSays("bad image", error);
  expect(podsOf()).toEqual(before);
});

test("a probe that never says ready: given a while, then told what it answered", async () => {
  const readinessProbe = { exec: { command: ["sh", "-c", "echo no bus; exit 1"] }, periodSeconds: 1 };
  const error = await failed({ namespace: "probe", probe: { readinessProbe } });
  expect(error).toMatchObject({ reason: "probe_failing" });
  expect(error.message).toContain("Readiness probe failed");
  asTheGuideSays("it never says that it is ready", error);
});

test("a node that goes away in the middle: its pods are made elsewhere, and the deploy goes on", async () => {
  const namespace = "node";
  putNode(cluster.store, { name: "node2", cpu: "64", memory: "64Gi" });
  const nodeOf = (object: { readonly [key: string]: unknown }): string =>
    String(Object(object["spec"])["nodeName"] ?? "");
  let lost = "";
  // As soon as its pod has one: before it runs there.
  const end = cluster.store.subscribe(({ key, object, type }) => {
    const isMeant =
      key.resource === "pods" && key.namespace === namespace && key.name.startsWith(controlPlane);
    if (!isMeant || type === "DELETED" || lost !== "" || nodeOf(object) === "") return;
    lost = nodeOf(object);
    setImmediate(() => {
      cluster.store.remove({ resource: "nodes", namespace: "", name: lost });
      // As the collector of a real cluster does with pods of a node that is no more.
      for (const { metadata, ...pod } of cluster.store.list("pods", namespace)) {
        if (nodeOf(pod) === lost)
          cluster.writer.remove({ resource: "pods", namespace, name: metadata.name }, { graceSeconds: 0 });
      }
    });
  });
  const { error } = await run(standin({ namespace }), undefined, { graceMs: 20_000 });
  end();
  expect(error).toBeUndefined();
  expect(["node1", "node2"]).toContain(lost);
  const pods = cluster.store
    .list("pods", namespace)
    .filter((one) => one.metadata.name.startsWith(controlPlane));
  expect(pods.map(nodeOf)).toEqual([lost === "node1" ? "node2" : "node1"]);
});

test("copies that an autoscaler changes meanwhile are waited for, and stay as it wants them", async () => {
  const namespace = "scaled";
  const unscaled = altered(
    standin({ namespace }),
    `Deployment/${worker}`,
    ({ replicas: _, ...spec }) => spec,
  );
  const key = { resource: "deployments.apps", namespace, name: worker };
  const ended = await run(unscaled, (shown) => {
    const found = cluster.store.get(key);
    if (shown !== `Deployment/${worker} starting` || found === undefined) return;
    const { generation = 1 } = found.metadata;
    cluster.store.put(key, {
      ...found,
      metadata: { ...found.metadata, generation: generation + 1 },
      spec: { ...Object(found["spec"]), replicas: 3 },
    });
  });
  expect(ended.error).toBeUndefined();
  expect(cluster.store.get(key)?.["status"]).toMatchObject({ availableReplicas: 3 });
  // The next deploy leaves them alone.
  expect((await run(unscaled)).states).toContain(`Deployment/${worker} kept`);
  expect(cluster.store.get(key)?.["spec"]).toMatchObject({ replicas: 3 });
});

const lease = (namespace: string): unknown =>
  cluster.store.get({ resource: "leases.coordination.k8s.io", namespace, name: `${name}-deploy` })?.["spec"];

test("stopped before anything is applied: nothing is, and no lease is left", async () => {
  const namespace = "stopped-early";
  namespaceOf(namespace);
  for (const when of ["asking the cluster", "comparing"]) {
    const stop = new AbortController();
    const { error } = await run(
      standin({ namespace }),
      (shown) => {
        if (shown === when) stop.abort();
      },
      { signal: stop.signal },
    );
    expect(error).toMatchObject({ reason: "interrupted", details: { applied: [] } });
    expect(cluster.store.list("secrets", namespace)).toEqual([]);
    expect(lease(namespace)).toBeUndefined();
  }
});

test.each([
  ["while it waits for somebody else", `waiting up to 30s to see whether bob@laptop still deploys`, 0],
  ["before its first object", `ServiceAccount/${name} creating`, 1],
  ["while a part starts", `StatefulSet/${name}-nats starting`, 5],
])("stopped %s: the lease is let go, and what was applied is told", async (when, shown, count) => {
  const namespace = `stopped-${count}`;
  namespaceOf(namespace);
  if (count === 0) {
    cluster.writer.create("leases.coordination.k8s.io", namespace, {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: `${name}-deploy` },
      spec: { holderIdentity: "bob@laptop", leaseDurationSeconds: 30 },
    });
  }
  const stop = new AbortController();
  const ended = await run(
    standin({ namespace }),
    (said) => {
      if (said === shown) stop.abort();
    },
    { signal: stop.signal },
  );
  expect(ended.error).toMatchObject({ reason: "interrupted" });
  expect(ended.error?.details["applied"], when).toHaveLength(count);
  expect(lease(namespace)).toMatchObject({ holderIdentity: count === 0 ? "bob@laptop" : "" });
  // Nothing that comes later was begun.
  expect(cluster.store.list("deployments.apps", namespace)).toEqual([]);
});
