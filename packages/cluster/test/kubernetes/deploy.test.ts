/** What a deploy does, shown against the API server for tests: its pods are programs of this machine. */
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deploy } from "../../src/kubernetes/deploy/deploy.ts";
import { planDeploy } from "../../src/kubernetes/deploy/deploy-plan.ts";
import { findGarbage } from "../../src/kubernetes/deploy/gc.ts";
import { titleOf } from "../../src/kubernetes/deploy/reading.ts";
import { listRevisions } from "../../src/kubernetes/deploy/revisions.ts";
import { builds, deployingTo, name, registerJob, standin } from "./standin.ts";

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
    `Job/${registerJob(builds.one)} ready`,
  ]);
  first.close();
  const again = await deployingTo(cluster, release);
  const asked: string[] = [];
  cluster.faults.drop("before", (method, path) => {
    asked.push(`${method} ${path}`);
    return false;
  });
  const second = await deploy(again);
  // Nobody deployed meanwhile: each object is tried once, what runs is listed once, and nothing is watched.
  const count = (of: RegExp): number => asked.filter((one) => of.test(one)).length;
  expect(count(/dryRun=All/)).toBe(release.objects.length);
  expect(count(/^GET .*\/pods\?/)).toBe(1);
  expect(count(/watch=true/)).toBe(0);
  expect(count(/accessreviews/)).toBe(0);
  expect(second).toMatchObject({ revision: 1, isChanged: false, applied: [] });
  expect(second.plan.changes.map(({ change }) => change)).not.toContain("change");
  expect(await listRevisions(again.access, name)).toMatchObject([{ number: 1, outcome: "deployed" }]);
  again.close();
});

test("behind another build that failed, the one before is a new deploy; what failed may go", async () => {
  const namespace = "failed-build";
  const run = async (more: object) => {
    const deploying = await deployingTo(cluster, standin({ namespace, ...more }));
    return deploy(deploying).finally(() => deploying.close());
  };
  await run({});
  await expect(run({ build: builds.two, workerImage: "registry.invalid/none:1" })).rejects.toThrow(
    "cannot be pulled",
  );
  // The register job is the one that stands: nothing in the cluster has to change.
  expect(await run({})).toMatchObject({ revision: 3, isChanged: true, applied: [] });
  expect(await run({})).toMatchObject({ revision: 3, isChanged: false });
  const { access, close } = await deployingTo(cluster, standin({ namespace }));
  expect(await listRevisions(access, name)).toMatchObject([
    { number: 1, build: builds.one, outcome: "deployed" },
    { number: 2, build: builds.two, outcome: "failed" },
    { number: 3, build: builds.one, outcome: "deployed" },
  ]);
  const openRuns = async (): Promise<number> => Promise.resolve(0);
  const { objects } = await findGarbage({ access, name, project: "shop", target: "prod", openRuns });
  expect(objects.map(titleOf)).toEqual([`Deployment/${name}-worker-default-${builds.two}`]);
  close();
});
