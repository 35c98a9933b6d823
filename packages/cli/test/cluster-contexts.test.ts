/** Contexts of clusters, against the test API server; what answers behind it is a recorded installation. */
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { saveClusterContext } from "../src/config/contexts.ts";
import { clusterNamed, nameOfCluster } from "../src/config/cluster-name.ts";
import { type RecordedInstallation, recordedInstallation, token } from "./recorded-installation.ts";
import { type Ran, runAf } from "./run-af.ts";

const namespace = "kctx-shop";
let house: RecordedInstallation;
let cluster: TestCluster;
let root: string;
let project: string;

beforeAll(async () => {
  house = await recordedInstallation();
  // Its pods are programs of this host, and so a port of a pod is one of this host: the installation's.
  cluster = await startTestCluster({ pods: "processes", metrics: "none" });
  put("namespaces", "", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  // Pods may be made once the namespace has its account.
  const account = { resource: "serviceaccounts", namespace, name: "default" };
  while (cluster.store.get(account) === undefined) await delay(20);
  release("shop-prod", "prod");
}, 60_000);

// A column of dashes said nothing of why.
test("where nobody measures what pods use, status and top say so", async () => {
  const unmeasured = "what pods use is not known: the cluster serves no metrics.k8s.io";
  expect((await af(["status", "--context", "prod"])).stdout).toContain(unmeasured);
  const top = await af(["top", "--once", "--view", "containers", "--context", "prod"]);
  expect(top.stdout).toContain(unmeasured);
}, 60_000);
afterAll(async () => {
  await cluster.stop();
  await house.close();
});
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "af-cluster-contexts-"));
  project = path.join(root, "project");
  mkdirSync(project);
  const yaml = `apiVersion: agentflow.dev/v1
kind: Project
name: shop
targets:
  prod: {kind: kubernetes, context: test-cluster, namespace: ${namespace}}
  idle: {kind: kubernetes, context: test-cluster, namespace: ${namespace}}
`;
  writeFileSync(path.join(project, "agentflow.yaml"), yaml);
  return () => rmSync(root, { recursive: true, force: true });
});

function put(resource: string, of: string, object: Parameters<TestCluster["writer"]["create"]>[2]): void {
  cluster.writer.create(resource, of, object);
}

function labelsOf(name: string, target: string): Record<string, string> {
  return {
    "app.kubernetes.io/instance": name,
    "agentflow.dev/project": "shop",
    "agentflow.dev/target": target,
    "agentflow.dev/part": "control-plane",
  };
}

/** A Deployment that says the release is there, a Secret with its token, and a control plane. */
function release(name: string, target: string): void {
  const labels = labelsOf(name, target);
  const containers = [
    { name: "main", image: "bbsh:1", command: ["/bin/sh", "-c", "echo begun; exec sleep 1000"] },
  ];
  put("deployments.apps", namespace, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: `${name}-control-plane`, namespace, labels },
    spec: {
      replicas: 0,
      selector: { matchLabels: { of: name } },
      template: { metadata: { labels: { of: name } }, spec: { containers } },
    },
  });
  put("secrets", namespace, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: `${name}-keys-control-plane`, namespace },
    data: { token: Buffer.from(token).toString("base64") },
  });
  const port = Number(new URL(house.url).port);
  put("pods", namespace, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `${name}-control-plane-a`, namespace, labels },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ ...containers[0], ports: [{ name: "api", containerPort: port }] }],
    },
  });
}

const af = (args: readonly string[], kubeconfig = cluster.kubeconfig): Promise<Ran> =>
  runAf(args, {
    cwd: project,
    environment: { XDG_CONFIG_HOME: path.join(root, "config"), KUBECONFIG: kubeconfig },
  });

const spelled = `k8s:test-cluster/${namespace}`;

test("a place in a cluster is named as people and kubeconfigs name it", () => {
  const eks = "arn:aws:eks:eu-west-1:123:cluster/blue";
  expect(clusterNamed(`k8s:${eks}/agents`)).toEqual({ context: eks, namespace: "agents" });
  expect(clusterNamed("k8s:kind/agents:shop-prod")).toEqual({
    context: "kind",
    namespace: "agents",
    release: "shop-prod",
  });
  expect(clusterNamed("k8s:/agents")).toEqual({ namespace: "agents" });
  for (const name of ["k8s:kind/agents:shop-prod", `k8s:${eks}/agents`, "k8s:/agents"])
    expect(nameOfCluster(clusterNamed(name))).toBe(name);
  for (const wrong of ["k8s:", "k8s:kind/", "k8s:kind/Agents", "k8s:kind/a:b:c", "k8s:kind/a:"])
    expect(() => clusterNamed(wrong)).toThrow("names no place in a cluster");
});

test("commands reach an installation by its target's name and by where it lies", async () => {
  await expect
    .poll(async () => (await af(["status", "--context", "prod"])).code, { timeout: 20_000 })
    .toBe(0);
  for (const context of ["prod", spelled]) {
    const { stdout, code } = await af(["status", "--context", context, "--json"]);
    expect(code).toBe(0);
    const { data } = JSON.parse(stdout);
    expect(data.context).toBe(context);
    expect(data.url).toBe("");
    expect(data.pods).toEqual([expect.objectContaining({ short: "control-plane-a", state: "Running" })]);
  }
  const shown = await af(["context", "show", "prod", "--check"]);
  expect(shown.stdout).toContain("by a port forwarded into its cluster");
  expect(shown.stdout).toContain("a Secret of the installation, in its cluster");
  const listed = await af(["context", "list", "--check"]);
  expect(listed.stdout).toMatch(/prod +kubernetes +through k8s:test-cluster\/kctx-shop +✓/);
  expect(listed.stdout).toMatch(/idle +kubernetes .*✗ idle is not deployed/);
}, 60_000);

test("one is added under a name of one's own, used, and forgotten; no file holds a token", async () => {
  const added = await af(["context", "add", "lab", "--url", spelled]);
  expect([added.code, added.stderr]).toEqual([0, expect.stringMatching(/installation .* answers: af /)]);
  const file = path.join(root, "config/agentflow/contexts.yaml");
  expect(readFileSync(file, "utf8")).toContain(`cluster: ${spelled}`);
  expect(readFileSync(file, "utf8")).not.toContain(token);
  expect((await af(["context", "add", "lab", "--url", spelled])).code).toBe(8);
  expect((await af(["context", "use", "lab"])).code).toBe(0);
  expect(JSON.parse((await af(["status", "--json"])).stdout).data.context).toBe("lab");
  expect((await af(["context", "use", spelled])).code).toBe(0);
  expect((await af(["context", "list"])).stdout).toMatch(/\* +k8s:test-cluster\/kctx-shop +kubernetes/);
  expect((await af(["context", "rm", "lab"])).code).toBe(0);
  expect((await af(["status", "--context", "lab"])).code).toBe(4);
}, 60_000);

test("what is not there, not deployed, misspelt or forbidden has an exit code and a next step", async () => {
  const cases: readonly (readonly [string, number, string])[] = [
    ["k8s:test-clutser/x", 4, "did you mean: test-cluster"],
    ["k8s:test-cluster/X", 2, "k8s:CONTEXT/NAMESPACE"],
    ["k8s:test-cluster/default", 4, "no installation lies in namespace default"],
    ["idle", 6, "af deploy idle"],
  ];
  const told = async ([context, code, words]: (typeof cases)[number]): Promise<void> => {
    const ran = await af(["run", "list", "--context", context]);
    expect([context, ran.code]).toEqual([context, code]);
    expect(ran.stderr).toContain(words);
  };
  await Promise.all(cases.map(told));
  const eve = cluster.userKubeconfig("eve");
  const refused = await af(["run", "list", "--context", "prod"], eve.kubeconfig);
  expect(refused.code).toBe(5);
}, 60_000);

test("a saved context keeps its kubeconfig, and is refused when that leads to another cluster", async () => {
  const place = { context: "test-cluster", namespace, release: "shop-prod", files: [cluster.kubeconfig] };
  const of = { folder: project, project: "shop", target: "prod" };
  const file = saveClusterContext({ ...of, place: { ...place, server: cluster.server } });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await af(["run", "list", "--context", "prod"], "/nowhere")).code).toBe(0);
  saveClusterContext({ ...of, place: { ...place, server: "https://192.0.2.7:6443" } });
  const refused = await af(["run", "list", "--context", "prod"]);
  expect([refused.code, refused.stderr]).toEqual([8, expect.stringContaining("af deploy")]);
  writeFileSync(file, JSON.stringify({ v: 1, name: "prod", kind: "kubernetes", cluster: { context: 7 } }));
  const damaged = await af(["run", "list", "--context", "prod"]);
  expect([damaged.code, damaged.stderr]).toEqual([8, expect.stringContaining("its cluster has no place")]);
  // An ingress that does not answer is no reason to stand outside.
  saveClusterContext({ ...of, place, url: "https://127.0.0.1:9", token });
  expect((await af(["run", "list", "--context", "prod"])).code).toBe(0);
}, 60_000);

test("the rights that the guide names are enough", async () => {
  const name = "looks";
  const group = "rbac.authorization.k8s.io";
  const of = { apiVersion: `${group}/v1`, metadata: { name, namespace } };
  const core = (resources: string[], verbs: string[]) => ({ apiGroups: [""], resources, verbs });
  put(`roles.${group}`, namespace, {
    ...of,
    kind: "Role",
    rules: [
      { apiGroups: ["apps"], resources: ["deployments"], verbs: ["list"] },
      core(["pods"], ["list", "get", "watch"]),
      core(["pods/log"], ["get"]),
      core(["pods/portforward"], ["get", "create"]),
      { ...core(["secrets"], ["get"]), resourceNames: ["shop-prod-keys-control-plane"] },
    ],
  });
  put(`rolebindings.${group}`, namespace, {
    ...of,
    kind: "RoleBinding",
    roleRef: { apiGroup: group, kind: "Role", name },
    subjects: [{ kind: "User", apiGroup: group, name }],
  });
  const { kubeconfig } = cluster.userKubeconfig(name);
  const listed = await af(["run", "list", "--context", "prod"], kubeconfig);
  expect([listed.code, listed.stderr]).toEqual([0, ""]);
  const logs = await af(["logs", "--context", "prod", "-n", "5"], kubeconfig);
  expect([logs.code, logs.stderr]).toEqual([0, ""]);
  expect(logs.stdout).toContain("control-plane-a begun");
}, 60_000);

test("of two installations in one namespace one is chosen by its name", async () => {
  release("shop-test", "test");
  const asked = await af(["run", "list", "--context", spelled]);
  expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining(`${spelled}:shop-test`)]);
  await expect
    .poll(async () => (await af(["run", "list", "--context", `${spelled}:shop-test`])).code, {
      timeout: 20_000,
    })
    .toBe(0);
  expect((await af(["run", "list", "--context", "prod"])).code).toBe(0);
}, 60_000);

test("without a control plane the pods' own lines are shown, marked as such", async () => {
  const { stdout } = await af(["logs", "--context", "prod", "-n", "5"]);
  expect(stdout).toContain("control-plane-a begun");
  cluster.writer.remove({ resource: "pods", namespace, name: "shop-prod-control-plane-a" }, {});
  const labels = { ...labelsOf("shop-prod", "prod"), "agentflow.dev/part": "nats" };
  put("pods", namespace, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "shop-prod-nats-1", namespace, labels },
    spec: {
      containers: [
        {
          name: "nats",
          image: "bbsh:1",
          command: ["/bin/sh", "-c", "printf 'a \\033[31m red\\n'; exec sleep 1000"],
        },
      ],
    },
  });
  const raw = (): Promise<Ran> => af(["logs", "--context", "prod"]);
  await expect.poll(async () => (await raw()).stdout, { timeout: 30_000 }).toContain("nats-1");
  const shown = await raw();
  expect(shown.code).toBe(0);
  expect(shown.stderr).toContain("raw: the control plane does not answer");
  expect(shown.stdout).toContain("raw ");
  expect(shown.stdout).toContain("a \\x1b[31m red");
}, 60_000);
