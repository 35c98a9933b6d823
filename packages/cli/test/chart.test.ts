/**
 * The chart under Helm's own program, against the API server for tests, where no pod runs: what an install,
 * an upgrade and an end leave, and that a chart and `af deploy` leave each other's release alone.
 */
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { findHelm, helmFor, type Program } from "@agentflow/test-cluster/programs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runAf } from "./run-af.ts";

const found = findHelm();
const [old, fresh] = ["0f3a12bc44de", "123456789abc"];
const imagesOf = (build: string) => [
  "--image",
  "control-plane=agentflow/control-plane:1",
  "--image",
  `worker=agentflow/shop:${build}`,
];

test("Helm is there, or it is said why not", () => {
  if (!("missing" in found)) return;
  expect(process.env["CI"] ?? "", found.missing).not.toBe("true");
  console.warn(`tests of the chart on a cluster are skipped: ${found.missing}`);
});

describe.skipIf("missing" in found)("a chart on a cluster", () => {
  const project = mkdtempSync(join(tmpdir(), "af-chart-"));
  const chart = join(project, "chart");
  let cluster: TestCluster;
  let helm: Program;
  const af = (...args: string[]) =>
    runAf(args, { cwd: project, environment: { KUBECONFIG: cluster.kubeconfig } });
  const names = (resource: string, namespace: string): string[] =>
    cluster.store.list(resource, namespace).map(({ metadata }) => metadata.name);
  const worker = (build: string): string => `shop-prod-worker-default-${build}`;
  const writeChart = (build: string) => af("deploy", "prod", "--out", "chart=chart", ...imagesOf(build));

  beforeAll(async () => {
    cluster = await startTestCluster({ pods: "unrun" });
    helm = helmFor(cluster.kubeconfig);
    const targets = ["prod: { kind: kubernetes, namespace: charted }", "mine: { kind: kubernetes }"];
    const head = ["apiVersion: agentflow.dev/v1", "kind: Project", "name: shop", "targets:"];
    writeFileSync(
      join(project, "agentflow.yaml"),
      [...head, ...targets.map((one) => `  ${one}`), ""].join("\n"),
    );
    expect(await writeChart(old)).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    helm.close();
    await cluster.stop();
    rmSync(project, { recursive: true, force: true });
  });

  test("install makes the objects, each marked as Helm's, and its notes say how to go on", async () => {
    const ran = await helm.run(["install", "one", chart, "-n", "charted", "--create-namespace"]);
    expect(ran).toMatchObject({ code: 0, err: "" });
    expect(ran.out).toContain("kubectl -n charted get pods -l app.kubernetes.io/instance=shop-prod");
    expect(names("deployments.apps", "charted")).toEqual(["shop-prod-control-plane", worker(old)]);
    expect(names("jobs.batch", "charted")).toHaveLength(2);
    const owner = { "meta.helm.sh/release-name": "one", "meta.helm.sh/release-namespace": "charted" };
    const made = ["serviceaccounts", "statefulsets.apps", "services", "networkpolicies.networking.k8s.io"]
      .flatMap((resource) => cluster.store.list(resource, "charted"))
      .filter(({ metadata }) => metadata.name.startsWith("shop-prod"));
    expect(made.length).toBeGreaterThan(10);
    for (const { metadata } of made) {
      expect(metadata["annotations"]).toMatchObject(owner);
      expect(metadata["labels"]).toMatchObject({ "app.kubernetes.io/managed-by": "Helm" });
    }
    const kept = cluster.store.list("secrets", "charted").map(({ type }) => type);
    expect(kept).toEqual(["helm.sh/release.v1"]);
  });

  test("af deploy of that release changes nothing, names whose it is, and ends with 8", async () => {
    const ran = await af("deploy", "prod", "--yes", ...imagesOf(fresh));
    expect(ran).toMatchObject({ code: 8 });
    expect(ran.stderr).toMatch(
      /ServiceAccount\/shop-prod and \d+ more belong to the chart's release one; af deploy leaves them alone/,
    );
    expect(ran.stderr).toContain("helm uninstall one");
    expect(names("deployments.apps", "charted")).not.toContain(worker(fresh));
    expect(names("secrets", "charted")).toEqual(["sh.helm.release.v1.one.v1"]);
    expect(names("leases.coordination.k8s.io", "charted")).toEqual([]);
  });

  test("another build comes beside the one before; the way back is an upgrade to that one", async () => {
    await writeChart(fresh);
    expect(await helm.run(["upgrade", "one", chart, "-n", "charted"])).toMatchObject({ code: 0 });
    expect(names("deployments.apps", "charted")).toEqual(
      ["shop-prod-control-plane", worker(old), worker(fresh)].sort(),
    );
    expect(names("jobs.batch", "charted")).toHaveLength(2);
    const back = ["--set", `build=${old}`, "--set", `images.worker=agentflow/shop:${old}`];
    const ran = await helm.run(["upgrade", "one", chart, "-n", "charted", ...back]);
    expect(ran).toMatchObject({ code: 0 });
    const registered = cluster.store.list("jobs.batch", "charted").map(({ metadata }) => metadata["labels"]);
    expect(registered).toContainEqual(expect.objectContaining({ "agentflow.dev/build": old }));
    const listed = await helm.run(["list", "-n", "charted", "-o", "json"]);
    expect(JSON.parse(listed.out)).toMatchObject([{ name: "one", revision: "3", status: "deployed" }]);
  });

  test("uninstall leaves the workers, and the same release takes them up again", async () => {
    expect(await helm.run(["uninstall", "one", "-n", "charted"])).toMatchObject({ code: 0 });
    expect(names("statefulsets.apps", "charted")).toEqual([]);
    expect(names("secrets", "charted")).toEqual([]);
    expect(names("deployments.apps", "charted")).toEqual([worker(old), worker(fresh)].sort());
    expect(await helm.run(["install", "one", chart, "-n", "charted"])).toMatchObject({ code: 0 });
  });

  test("the chart refuses a release of af deploy, and Helm itself does when that is overlooked", async () => {
    const deployed = await af("deploy", "mine", "--yes", "--no-wait", ...imagesOf(old));
    expect(deployed).toMatchObject({ code: 0 });
    await af("deploy", "mine", "--out", "chart=mine", ...imagesOf(old));
    const install = ["install", "two", join(project, "mine"), "-n", "shop"];
    const refused = await helm.run(install);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.err).toContain(
      "shop-mine in namespace shop was deployed by af deploy: go on with af deploy mine",
    );
    cluster.writer.remove({ resource: "configmaps", namespace: "shop", name: "shop-mine-inventory" }, {});
    const again = await helm.run(install);
    expect(again).toMatchObject({ code: 1 });
    expect(again.err).toContain('must equal "Helm": current value is "agentflow"');
    expect(names("secrets", "shop").filter((name) => name.startsWith("sh.helm"))).toEqual([]);
  });
});
