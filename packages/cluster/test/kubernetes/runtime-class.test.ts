/** Whether untrusted tools will find their RuntimeClass, asked before anything is applied. */
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { planDeploy } from "../../src/kubernetes/deploy/deploy-plan.ts";
import { examineCluster } from "../../src/kubernetes/doctor/index.ts";
import { releasedInCluster, openedInCluster } from "../../src/kubernetes/fixtures/projects.ts";
import { deployingTo } from "./standin.ts";

let cluster: TestCluster;

const taints = [{ key: "sandbox", value: "only", effect: "NoSchedule" }];
beforeAll(async () => {
  const nodes = [{ name: "node1" }, { name: "node2", labels: { sandbox: "gvisor" }, taints }];
  cluster = await startTestCluster({ pods: "unrun", nodes });
});
afterAll(() => cluster.stop());
beforeEach(() => cluster.store.remove(key));

const key = { resource: "runtimeclasses.node.k8s.io", namespace: "", name: "gvisor" };

function putClass(scheduling: object = {}): void {
  const metadata = { name: "gvisor" };
  const object = {
    apiVersion: "node.k8s.io/v1",
    kind: "RuntimeClass",
    metadata,
    handler: "runsc",
    scheduling,
  };
  cluster.store.put(key, JSON.parse(JSON.stringify(object)));
}

async function planned(): Promise<unknown> {
  const deploying = await deployingTo(cluster, await releasedInCluster("sandboxed"));
  try {
    const { changes, notes } = await planDeploy(deploying);
    return { changes: changes.length > 0, notes: notes.filter((note) => note.includes("RuntimeClass")) };
  } finally {
    deploying.close();
  }
}

/** The line of a doctor. */
async function examined(): Promise<unknown> {
  const { name, settings } = await openedInCluster("sandboxed");
  if (settings.kind !== "kubernetes") throw new Error("no target of a cluster");
  const { checks } = await examineCluster({
    environment: { KUBECONFIG: cluster.kubeconfig },
    target: { name, release: "triage-prod", settings },
    id: "t1",
    version: "0.1.0",
  });
  const check = checks.find((one) => one.name === "runtime class");
  return [check?.state, check?.fact, check?.fix];
}

// The broker asks for it, in its environment: no pod of the release has the class itself.
test("without its RuntimeClass a project with a sandbox is not deployed", async () => {
  await expect(planned()).rejects.toMatchObject({ code: "refused", reason: "runtime_class_missing" });
  expect(await examined()).toEqual([
    "bad",
    "gvisor, for untrusted tools, is not there",
    "`runtimeClass:` of the target names one; the cluster has none",
  ]);
});

test("nor with one that no node takes: by its labels, or by the nodes' taints", async () => {
  putClass({ nodeSelector: { sandbox: "kata" } });
  await expect(planned()).rejects.toMatchObject({
    reason: "runtime_class_unschedulable",
    message: "no node takes pods of RuntimeClass gvisor (it wants sandbox=kata)",
  });
  putClass({ nodeSelector: { sandbox: "gvisor" } });
  await expect(planned()).rejects.toMatchObject({ reason: "runtime_class_unschedulable" });
  expect(await examined()).toEqual([
    "bad",
    "no node takes pods of gvisor",
    "tolerate the taints of node2: scheduling.tolerations of the RuntimeClass",
  ]);
});

test("one that a node takes is deployed, and its handler is told", async () => {
  const tolerations = [{ key: "sandbox", operator: "Equal", value: "only", effect: "NoSchedule" }];
  putClass({ nodeSelector: { sandbox: "gvisor" }, tolerations });
  expect(await planned()).toEqual({ changes: true, notes: [] });
  const fact = "gvisor is there (handler runsc), and 1 node takes its pods";
  expect(await examined()).toEqual(["good", fact, undefined]);
  putClass();
  expect(await planned()).toEqual({ changes: true, notes: [] });
});
