/** Shown against the test API server; its pods are containers of a real engine, or programs of this host. */
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { EngineCheck } from "../../src/docker/doctor/check.ts";
import { openCluster } from "../../src/kubernetes/client/index.ts";
import { examineCluster } from "../../src/kubernetes/doctor/index.ts";
import type { ExaminedClusterTarget } from "../../src/kubernetes/doctor/target.ts";
import { type BaseImages, baseImages, engineMissing, testEngine } from "../engine/index.ts";

const namespace = "kctx-doctor";
const missing = await engineMissing();

const settings: ExaminedClusterTarget["settings"] = {
  namespace,
  images: { base: "node:24-slim", nats: "nats:2.15-alpine" },
  nats: { replicas: 1 },
  pullSecrets: [],
  scaling: {},
  storage: { natsGb: 1 },
  nodeSelector: {},
};

interface Asking {
  readonly kubeconfig: string;
  readonly settings?: Partial<ExaminedClusterTarget["settings"]>;
}

async function examined({ kubeconfig, settings: more = {} }: Asking): Promise<readonly EngineCheck[]> {
  const { checks } = await examineCluster({
    environment: { KUBECONFIG: kubeconfig },
    target: { name: "prod", release: "shop-prod", settings: { ...settings, ...more } },
    id: `t${process.pid}`,
    version: "0.1.0",
  });
  return checks;
}

async function podsLeft(kubeconfig: string): Promise<number> {
  const cluster = await openCluster({ environment: { KUBECONFIG: kubeconfig } });
  try {
    return (await cluster.core.listNamespacedPod({ namespace })).items.length;
  } finally {
    cluster.close();
  }
}

async function makeNamespace(kubeconfig: string, labels: Record<string, string> = {}): Promise<void> {
  const cluster = await openCluster({ environment: { KUBECONFIG: kubeconfig } });
  await cluster.core.createNamespace({ body: { metadata: { name: namespace, labels } } });
  cluster.close();
}

const linesOf = (checks: readonly EngineCheck[], name: string): string[] =>
  checks.filter((one) => one.name === name).map(({ state, fact }) => `${state}: ${fact}`);

describe("a doctor of clusters, on programs of this host", () => {
  let cluster: TestCluster;
  afterEach(() => cluster.stop());

  test("before a first deploy it says what will be made, and tries no pod", async () => {
    cluster = await startTestCluster({ pods: "processes" });
    const checks = await examined(cluster);
    expect(linesOf(checks, "server")).toEqual([expect.stringMatching(/^good: Kubernetes v1\.\d+/)]);
    expect(linesOf(checks, "login")).toEqual([expect.stringContaining("knows you as kubernetes-admin")]);
    expect(linesOf(checks, "namespace")).toEqual([`note: ${namespace} is not there yet`]);
    expect(linesOf(checks, "pod")).toEqual(["note: not tried: a pod needs the namespace"]);
    expect(checks.filter(({ state }) => state === "bad")).toEqual([]);
  }, 60_000);

  test("what is missing is named with its fix: class, runtime, image, KEDA for a scaled pool", async () => {
    cluster = await startTestCluster({ pods: { images: ["bbsh:1"] } });
    await makeNamespace(cluster.kubeconfig);
    const checks = await examined({
      ...cluster,
      settings: {
        storage: { natsGb: 1, className: "fast" },
        runtimeClass: "gvisor",
        scaling: { default: { min: 0, max: 3 } },
        registry: "registry.invalid/team",
      },
    });
    expect(linesOf(checks, "storage")).toEqual(["bad: no storage class fast"]);
    expect(linesOf(checks, "runtime class")[0]).toContain("bad: gvisor");
    expect(linesOf(checks, "keda")).toEqual(["note: is not there: default scale by processor use instead"]);
    expect(linesOf(checks, "image")[0]).toContain("bad: no node gets node:24-slim");
    expect(checks.find(({ name }) => name === "image")?.fix).toContain("registry.invalid/team");
    expect(await podsLeft(cluster.kubeconfig)).toBe(0);
  }, 60_000);

  test("somebody without rights is told each of them, and the pod that may not be made", async () => {
    cluster = await startTestCluster({ pods: "processes" });
    await makeNamespace(cluster.kubeconfig);
    const checks = await examined(cluster.userKubeconfig("eve"));
    const [deploy = "", watch = "", attach = ""] = linesOf(checks, "rights");
    expect(deploy).toContain("get/create/patch/delete/list deployments.apps");
    expect(watch).toContain("get/create pods/portforward");
    expect(attach).toContain("note: for af debug attach you lack: get/create pods/exec");
    expect(linesOf(checks, "pod").join()).toContain("forbidden");
  }, 60_000);

  test("nobody there, and a kubeconfig that is none, are one line each", async () => {
    cluster = await startTestCluster();
    const { kubeconfig } = cluster;
    const none = await examined({ kubeconfig: "/nowhere/config" });
    expect(none.map(({ name, state }) => `${name} ${state}`)).toEqual(["kubeconfig bad"]);
    cluster.faults.refuse(503, 1_000);
    const refused = await examined({ kubeconfig });
    expect(refused.at(-1)).toMatchObject({ name: "server", state: "bad" });
  }, 60_000);
});

describe.skipIf(missing !== undefined)(`a doctor of clusters, on an engine ${missing ?? ""}`, () => {
  let cluster: TestCluster;
  let images: BaseImages;

  beforeAll(async () => {
    const engine = await testEngine();
    images = await baseImages(engine);
    cluster = await startTestCluster({ pods: { engine: engine.docker, name: `kctx-doctor-${process.pid}` } });
    await makeNamespace(cluster.kubeconfig, { "pod-security.kubernetes.io/enforce": "restricted" });
  }, 120_000);
  afterAll(() => cluster.stop(), 60_000);

  test("a pod that is held as ours are runs, finds names, answers and is gone", async () => {
    const checks = await examined({
      ...cluster,
      settings: { images: { base: images.node, nats: images.nats } },
    });
    expect(checks.filter(({ state }) => state === "bad")).toEqual([]);
    expect(linesOf(checks, "pod")).toEqual([
      expect.stringContaining("as user 1000, with a root that it cannot write"),
    ]);
    expect(linesOf(checks, "image")).toHaveLength(2);
    expect(linesOf(checks, "dns")).toEqual([expect.stringMatching(/^good: pods find names/)]);
    expect(linesOf(checks, "forward")).toEqual([expect.stringMatching(/^good/)]);
    expect(linesOf(checks, "clock")).toEqual([expect.stringMatching(/^good/)]);
    expect(await podsLeft(cluster.kubeconfig)).toBe(0);
  }, 120_000);
});
