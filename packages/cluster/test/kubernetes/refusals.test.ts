/** What a deploy refuses before anything is applied, shown against the API server for tests. */
import { AgentFlowError } from "@agentflow/protocol";
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openCluster } from "../../src/kubernetes/client/index.ts";
import { Access } from "../../src/kubernetes/deploy/access.ts";
import { deploy } from "../../src/kubernetes/deploy/deploy.ts";
import type { Release } from "../../src/kubernetes/release.ts";
import { asTheGuideSays } from "./guide.ts";
import { altered, deployingTo, name, standin } from "./standin.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster({ pods: "unrun" });
});
afterAll(() => cluster.stop());

const nats = `StatefulSet/${name}-nats`;
const object = (kind: string, named: string) => ({ apiVersion: "v1", kind, metadata: { name: named } });

/** Its error; and nothing of it is in the cluster. */
async function refused(release: Release): Promise<AgentFlowError> {
  const deploying = await deployingTo(cluster, release);
  try {
    const error: unknown = await deploy(deploying).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!AgentFlowError.is(error)) throw new Error(`not refused: ${String(error)}`, { cause: error });
    expect(error.details["applied"]).toEqual([]);
    expect(
      cluster.store.list("configmaps", release.namespace).map(({ metadata }) => metadata.name),
    ).not.toContain(`${name}-settings`);
    expect(cluster.store.list("leases.coordination.k8s.io", release.namespace)).toEqual([]);
    return error;
  } finally {
    deploying.close();
  }
}

test("a cluster that takes questions and answers none", async () => {
  const opened = await openCluster({
    environment: {},
    kubeconfig: cluster.kubeconfig,
    limits: { requestMs: 150, firstRetryMs: 1, waitMs: 10 },
  });
  cluster.faults.stall();
  const deploying = await deployingTo(cluster, standin({ namespace: "silent" }));
  const access = new Access(opened, "silent");
  const error: unknown = await deploy({ ...deploying, access }).catch((thrown: unknown) => thrown);
  cluster.faults.resume();
  opened.close();
  deploying.close();
  if (!AgentFlowError.is(error)) throw new Error("not refused", { cause: error });
  expect(error).toMatchObject({ reason: "cluster_silent" });
  asTheGuideSays("it hangs", error);
});

test("an old cluster: every kind that it does not serve is named", async () => {
  const gone = ["/apis/apps/v1", "/apis/batch/v1"];
  const heal = cluster.faults.say(
    { code: 404, reason: "NotFound", message: "the server could not find the requested resource" },
    (_, path) => gone.includes(path),
  );
  const error = await refused(standin({ namespace: "old" }));
  heal();
  expect(error).toMatchObject({ reason: "api_not_served" });
  for (const kind of ["StatefulSet (apps/v1)", "Deployment (apps/v1)", "Job (batch/v1)"])
    expect(error.message).toContain(kind);
  asTheGuideSays("an API is not served", error);
});

test("a RuntimeClass that is not there, or that no node has", async () => {
  const asking = (namespace: string): Release =>
    altered(standin({ namespace }), nats, (spec) => {
      const template = JSON.parse(JSON.stringify(spec["template"]));
      template.spec.runtimeClassName = "gvisor";
      return { ...spec, template };
    });
  asTheGuideSays("no such RuntimeClass, storage class", await refused(asking("runtime")));
  cluster.writer.create("runtimeclasses.node.k8s.io", "", {
    ...object("RuntimeClass", "gvisor"),
    apiVersion: "node.k8s.io/v1",
    handler: "runsc",
    scheduling: { nodeSelector: { sandbox: "yes" } },
  });
  const error = await refused(asking("runtime"));
  expect(error).toMatchObject({ code: "refused", reason: "runtime_class_unschedulable" });
  expect(error.message).toContain("sandbox=yes");
});

test("a storage class that is not there; the ones that are, are named", async () => {
  const claims = (storageClassName?: string): Release =>
    altered(standin({ namespace: "storage" }), nats, (spec) => ({
      ...spec,
      volumeClaimTemplates: [
        {
          metadata: { name: "nats" },
          spec: {
            accessModes: ["ReadWriteOnce"],
            ...(storageClassName === undefined ? {} : { storageClassName }),
            resources: { requests: { storage: "1Gi" } },
          },
        },
      ],
    }));
  const error = await refused(claims("fast"));
  expect(error).toMatchObject({ reason: "storage_class_missing" });
  expect(error.suggestions.join()).toMatch(/there are: |none at all/);
  asTheGuideSays("no such RuntimeClass, storage class", error);
  for (const { metadata } of cluster.store.list("storageclasses.storage.k8s.io"))
    cluster.store.remove({ resource: "storageclasses.storage.k8s.io", namespace: "", name: metadata.name });
  const none = await refused(claims());
  expect(none.message).toContain("no default storage class");
});

test("a namespace that is being removed", async () => {
  const namespace = "going";
  cluster.writer.create("namespaces", "", object("Namespace", namespace));
  const held = {
    ...object("ConfigMap", "held"),
    metadata: { name: "held", finalizers: ["example.com/hold"] },
  };
  cluster.writer.create("configmaps", namespace, held);
  cluster.writer.remove({ resource: "namespaces", namespace: "", name: namespace }, {});
  asTheGuideSays("the namespace is being removed", await refused(standin({ namespace })));
});

test("an admission webhook that refuses: in its own words, for each object; nothing is applied", async () => {
  const namespace = "admission";
  cluster.writer.create("namespaces", "", object("Namespace", namespace));
  const said = 'admission webhook "policy.example.com" denied the request: images come from our registry';
  const isApply = (method: string, path: string): boolean =>
    method === "PATCH" && path.includes("/deployments/");
  for (const [code, reason] of [
    [403, "Forbidden"],
    [400, "BadRequest"],
  ] as const) {
    const heal = cluster.faults.say({ code, reason, message: said }, isApply);
    const error = await refused(standin({ namespace }));
    heal();
    // Two Deployments.
    const refusals = JSON.stringify(error.details["refused"]).split("admission webhook").length - 1;
    expect(refusals).toBe(2);
    asTheGuideSays("a policy refuses", error);
  }
});
