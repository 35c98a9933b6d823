/** What a deploy does, shown against the API server for tests: its pods are programs of this machine. */
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deploy, planDeploy } from "../../src/kubernetes/deploy/deploy.ts";
import { listRevisions } from "../../src/kubernetes/deploy/revisions.ts";
import { builds, deployingTo, name, standin } from "./standin.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster({ pods: "processes", pace: 10 });
});
afterAll(() => cluster.stop());

test("the first deploy makes namespace and parts, in order; the same again changes nothing", async () => {
  const release = standin({ namespace: "first" });
  const first = await deployingTo(cluster, release);
  const plan = await planDeploy(first);
  expect(plan.isNamespaceThere).toBe(false);
  expect(plan.changes.every(({ change, isOffline }) => change === "create" && isOffline === true)).toBe(true);
  const done = await deploy(first);
  expect(done).toMatchObject({ revision: 1, isChanged: true });
  const ready = first.told.states.filter((one) => one.endsWith(" ready"));
  expect(ready).toEqual([
    "Namespace/first ready",
    `ServiceAccount/${name} ready`,
    `ConfigMap/${name}-settings ready`,
    `Service/${name}-nats ready`,
    `Job/${name}-keys ready`,
    `StatefulSet/${name}-nats ready`,
    `Deployment/${name}-control-plane ready`,
    `Deployment/${name}-worker-default-${builds.one} ready`,
    `Job/${name}-register ready`,
  ]);
  first.close();
  const again = await deployingTo(cluster, release);
  const second = await deploy(again);
  expect(second).toMatchObject({ revision: 1, isChanged: false, applied: [] });
  expect(second.plan.changes.map(({ change }) => change)).not.toContain("change");
  expect(await listRevisions(again.access, name)).toMatchObject([{ number: 1, outcome: "deployed" }]);
  again.close();
});
