/** What others put into the namespace is neither taken over nor removed: against the API server for tests. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import type { TestCluster } from "@agentflow/test-cluster";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kubernetesLabels as labels } from "../../src/kubernetes/labels.ts";
import { deploy } from "../../src/kubernetes/deploy/deploy.ts";
import { planDeploy } from "../../src/kubernetes/deploy/deploy-plan.ts";
import type { Deploying } from "../../src/kubernetes/deploy/deploying.ts";
import { collectGarbage } from "../../src/kubernetes/deploy/gc.ts";
import { listRevisions } from "../../src/kubernetes/deploy/revisions.ts";
import { rollbackTarget } from "../../src/kubernetes/deploy/rollback.ts";
import { realPace } from "../../src/kubernetes/pace.ts";
import { startInstantCluster } from "./instant.ts";
import { asTheGuideSays } from "./guide.ts";
import { type Standin, builds, deployingTo, holderNamed, name, standin } from "./standin.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startInstantCluster();
});
afterAll(() => cluster.stop());

async function refusal(work: Promise<unknown>): Promise<AgentFlowError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!AgentFlowError.is(error)) throw new Error(`not refused: ${String(error)}`, { cause: error });
  return error;
}

async function run(of: Standin, more: Partial<Deploying> = {}) {
  const deploying = await deployingTo(cluster, standin(of), more);
  try {
    return await deploy(deploying);
  } finally {
    deploying.close();
  }
}

const own = {
  [labels.managedBy]: "agentflow",
  [labels.instance]: name,
  [labels.project]: "shop",
  [labels.target]: "prod",
};

function put(resource: string, namespace: string, object: JsonObject & { metadata: { name: string } }): void {
  cluster.writer.create(resource, namespace, object);
}

function isThere(resource: string, namespace: string, called: string): boolean {
  return cluster.store.get({ resource, namespace, name: called }) !== undefined;
}

/** Somebody who may write ConfigMaps writes ours. */
function tamper(namespace: string, more: readonly object[]): void {
  const key = { resource: "configmaps", namespace, name: `${name}-inventory` };
  const found = cluster.store.get(key);
  if (found === undefined) throw new Error("no inventory");
  const text = JSON.stringify(found["data"]);
  const [, told = "[]"] = /^\{"objects\.json":(".*")\}$/.exec(text) ?? [];
  const entries: unknown = JSON.parse(JSON.parse(told));
  const all = [...(Array.isArray(entries) ? entries : []), ...more];
  cluster.store.put(key, { ...found, data: { "objects.json": JSON.stringify(all) } });
}

test("two releases that come to the same name: the second is refused, the first stays as it is", async () => {
  const namespace = "collide";
  await run({ namespace });
  const before = cluster.store.list("deployments.apps", namespace);
  // With projects and targets of several words two can be spelled alike.
  const other = { ...standin({ namespace, note: "theirs" }), project: "sh", target: "op-prod" };
  for (const force of [false, true]) {
    const deploying = await deployingTo(cluster, other, { force });
    const error = await refusal(deploy(deploying));
    deploying.close();
    expect(error).toMatchObject({ code: "conflict", reason: "object_of_another_release" });
    asTheGuideSays("another release's name", error);
    expect(error.message).toContain("belongs to target prod of project shop");
  }
  expect(cluster.store.list("deployments.apps", namespace)).toEqual(before);
});

test("an object of nobody's that has a name of ours is refused, and taken over when told so", async () => {
  const namespace = "nobody";
  cluster.writer.create("namespaces", "", {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
  });
  put("configmaps", namespace, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `${name}-settings` },
    data: { theirs: "x" },
  });
  const error = await refusal(run({ namespace }));
  expect(error).toMatchObject({ code: "conflict", reason: "object_of_another" });
  asTheGuideSays("somebody's object", error);
  expect(error.suggestions[0]).toContain("--force-conflicts");
  expect(cluster.store.list("deployments.apps", namespace)).toEqual([]);
  expect(await run({ namespace }, { force: true })).toMatchObject({ isChanged: true });
});

test("labels that somebody took off one of ours are put back: the inventory knows it", async () => {
  const namespace = "unlabelled";
  await run({ namespace });
  const key = { resource: "configmaps", namespace, name: `${name}-settings` };
  const found = cluster.store.get(key);
  cluster.store.put(key, { ...found, metadata: { name: key.name, namespace } });
  expect((await run({ namespace })).applied).toEqual([`ConfigMap/${name}-settings`]);
});

test("an inventory that names others' objects removes none of them, not even with --prune-data", async () => {
  const namespace = "tampered";
  await run({ namespace });
  put("configmaps", namespace, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `${name}-theirs` } });
  put("secrets", namespace, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: `${name}-keys-nats`, labels: { ...own, [labels.holds]: "keys" } },
  });
  put("configmaps", namespace, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "other-settings", labels: own },
  });
  tamper(namespace, [
    // Made by af deploy, with its labels, and never removed by it.
    { apiVersion: "v1", kind: "Namespace", name: namespace },
    { apiVersion: "v1", kind: "Namespace", name: `${name}-x` },
    { apiVersion: "v1", kind: "Secret", name: `${name}-keys-nats` },
    { apiVersion: "v1", kind: "Secret", name: `${name}-revision-1` },
    { apiVersion: "v1", kind: "ConfigMap", name: `${name}-theirs` },
    { apiVersion: "v1", kind: "ConfigMap", name: "other-settings" },
    { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", name },
    { apiVersion: "v1/namespaces/other?", kind: "ConfigMap", name },
    { apiVersion: "v1", kind: "ConfigMap", name: ".." },
    { apiVersion: "v1", kind: "ConfigMap", name: `${name}-../../../kube-system` },
    { apiVersion: "v1", kind: "ConfigMap", name: "" },
    null,
    7,
    { apiVersion: ["v1"], kind: {}, name: 3 },
  ]);
  const deploying = await deployingTo(cluster, standin({ namespace }), { pruneData: true });
  const plan = await planDeploy(deploying);
  expect(plan.changes.filter(({ change }) => change !== "keep")).toEqual([]);
  await deploy(deploying);
  deploying.close();
  expect(isThere("namespaces", "", namespace)).toBe(true);
  expect(isThere("secrets", namespace, `${name}-keys-nats`)).toBe(true);
  expect(isThere("secrets", namespace, `${name}-revision-1`)).toBe(true);
  expect(isThere("configmaps", namespace, `${name}-theirs`)).toBe(true);
  expect(isThere("configmaps", namespace, "other-settings")).toBe(true);
});

test("af deploy gc goes by what objects say of themselves: data and other parts stay", async () => {
  const namespace = "gc";
  await run({ namespace });
  await run({ namespace, build: builds.two });
  const old = `${name}-worker-default-${builds.one}`;
  tamper(namespace, [
    { apiVersion: "apps/v1", kind: "StatefulSet", name: `${name}-nats`, build: "0c0c0c0c0c0c" },
    { apiVersion: "apps/v1", kind: "Deployment", name: `${name}-control-plane`, build: "0c0c0c0c0c0c" },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      name: `${name}-worker-default-${builds.two}`,
      build: "0c0c0c0c0c0c",
    },
  ]);
  const deploying = await deployingTo(cluster, standin({ namespace }));
  const { access, signal, pace } = deploying;
  const removed: string[] = [];
  await collectGarbage(
    { access, name, project: "shop", target: "prod", openRuns: async () => Promise.resolve(0) },
    { holder: holderNamed("gc"), pace, signal, onRemoved: (title) => removed.push(title) },
  );
  deploying.close();
  expect(removed).toEqual([`Deployment/${old}`]);
});

test("a rollback to a build that is being removed waits, and then makes its workers anew", async () => {
  const namespace = "gc-race";
  await run({ namespace });
  await run({ namespace, build: builds.two });
  const old = `${name}-worker-default-${builds.one}`;
  const back = await deployingTo(cluster, standin({ namespace }), {
    rollbackTo: 1,
    holder: holderNamed("back"),
  });
  const gc = await deployingTo(cluster, standin({ namespace }));
  let going: Promise<unknown> | undefined;
  const openRuns = async (): Promise<number> => {
    // No run is left on the build, and in this moment somebody goes back to it.
    await new Promise<void>((resolve) => {
      const step = (text: string): void => {
        if (text.endsWith("to see whether gc still deploys")) resolve();
      };
      going ??= deploy({ ...back, progress: { ...back.progress, step } }).finally(resolve);
    });
    return 0;
  };
  const removed: string[] = [];
  await collectGarbage(
    { access: gc.access, name, project: "shop", target: "prod", openRuns },
    {
      holder: holderNamed("gc"),
      pace: realPace,
      signal: gc.signal,
      onRemoved: (title) => removed.push(title),
    },
  );
  await going;
  back.close();
  gc.close();
  expect(removed).toEqual([`Deployment/${old}`]);
  expect(isThere("deployments.apps", namespace, old)).toBe(true);
});

/** A revision that somebody wrote who may write Secrets. */
function forge(
  namespace: string,
  number: number,
  content: Buffer,
  called = `${name}-revision-${number}`,
): void {
  put("secrets", namespace, {
    apiVersion: "v1",
    kind: "Secret",
    type: "agentflow.dev/revision",
    metadata: {
      name: called,
      labels: { ...own, "agentflow.dev/revision": String(number) },
      annotations: { "agentflow.dev/outcome": "deployed", "agentflow.dev/build": builds.one },
    },
    data: { release: content.toString("base64") },
  });
}

const rbac = "rbac.authorization.k8s.io/v1";
const rules = [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }];
const host = { containers: [], volumes: [{ name: "node", hostPath: { path: "/" } }] };
const forgeries: readonly (readonly [string, JsonObject])[] = [
  ["the whole cluster", { apiVersion: rbac, kind: "ClusterRoleBinding", metadata: { name, labels: own } }],
  [
    "a role of the cluster",
    {
      apiVersion: rbac,
      kind: "RoleBinding",
      metadata: { name, labels: own },
      roleRef: { kind: "ClusterRole", name: "cluster-admin" },
    },
  ],
  ["all rights", { apiVersion: rbac, kind: "Role", metadata: { name, labels: own }, rules }],
  [
    "another namespace",
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "kube-system", labels: own },
    },
  ],
  [
    "somebody else's object",
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "theirs", labels: own } },
  ],
  ["another project", { apiVersion: "v1", kind: "ConfigMap", metadata: { name } }],
  [
    "the node's files",
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, labels: own },
      spec: { template: { spec: host } },
    },
  ],
  ["a path", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `${name}-/../../x`, labels: own } }],
];

test.each(forgeries)("a revision that was made up is not gone back to: %s", async (_, object) => {
  const namespace = "forged";
  const key = { resource: "secrets", namespace, name: `${name}-revision-7` };
  if (!isThere("namespaces", "", namespace)) await run({ namespace });
  cluster.store.remove(key);
  const { objects } = standin({ namespace });
  const body = { build: builds.one, version: "", objects: [...objects, object] };
  forge(namespace, 7, gzipSync(JSON.stringify(body)));
  const { access, close } = await deployingTo(cluster, standin({ namespace }));
  const error = await refusal(rollbackTarget({ access, name, project: "shop", target: "prod", number: 7 }));
  close();
  expect(error).toMatchObject({ code: "refused", reason: "revision_forged" });
});

test("a revision that unpacks to gigabytes, is no list of objects, or leaves no next number", async () => {
  const namespace = "bombs";
  await run({ namespace });
  // It would be a good one, were it not so large: 64 MiB in 64 KiB.
  const padding = " ".repeat(64 * 1_024 * 1_024);
  forge(namespace, 2, gzipSync(`${JSON.stringify({ build: builds.one, objects: [] })}${padding}`));
  forge(namespace, 3, gzipSync(JSON.stringify({ build: builds.one, objects: [null, 7] })));
  forge(namespace, 4, Buffer.from("no gzip at all"));
  forge(namespace, 9_007_199_254_740_991, gzipSync("{}"), `${name}-revision-9007199254740991`);
  forge(namespace, 77, gzipSync("{}"), "theirs");
  const { access, close } = await deployingTo(cluster, standin({ namespace }));
  for (const number of [2, 3, 4, -1, 1.5, 77]) {
    const error = await refusal(rollbackTarget({ access, name, project: "shop", target: "prod", number }));
    expect(error).toMatchObject({ code: "not_found", reason: "revision_unknown" });
  }
  const revisions = await listRevisions(access, name);
  close();
  expect(revisions.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  expect(await run({ namespace, note: "b" })).toMatchObject({ revision: 5 });
});

test("names that are a way to another place are sent nowhere", async () => {
  const { access, close } = await deployingTo(cluster, standin({ namespace: "names" }));
  for (const called of ["", ".", ".."]) {
    const of = { apiVersion: "v1", kind: "ConfigMap", name: called };
    expect(await refusal(access.remove(of))).toMatchObject({ reason: "object_name" });
    expect(await refusal(access.get(of))).toMatchObject({ reason: "object_name" });
  }
  close();
});
