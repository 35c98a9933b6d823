/** Taking a release away, shown against the API server for tests. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deploy } from "../../src/kubernetes/deploy/deploy.ts";
import type { Deploying } from "../../src/kubernetes/deploy/deploying.ts";
import { listRevisions } from "../../src/kubernetes/deploy/revisions.ts";
import { standingOf } from "../../src/kubernetes/deploy/standing.ts";
import { deployStatus } from "../../src/kubernetes/deploy/status.ts";
import { takeDown, type TakenDown, type TakingDown } from "../../src/kubernetes/deploy/take-down.ts";
import { realPace } from "../../src/kubernetes/pace.ts";
import { type Standin, builds, deployingTo, holderNamed, name, standin } from "./standin.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster({ pods: "processes", pace: 10 });
});
afterAll(() => cluster.stop());

const secrets = { names: ["key"], values: new Map([["key", "s3cret"]]) };

async function deployed(of: Standin, more: Partial<Deploying> = {}) {
  const deploying = await deployingTo(cluster, standin(of), { secrets, ...more });
  await deploy(deploying);
  return deploying;
}

type Told = TakenDown & { readonly said: readonly string[] };

async function down(of: Deploying, more: Partial<TakingDown> = {}): Promise<Told> {
  const said: string[] = [];
  const taken = await takeDown({
    access: of.access,
    name,
    project: "shop",
    target: "prod",
    data: false,
    holder: holderNamed("down"),
    leaseMs: 1_000,
    pace: realPace,
    signal: new AbortController().signal,
    progress: {
      step: (text) => {
        said.push(text);
      },
      object: (title, state) => {
        said.push(`${title} ${state}`);
      },
    },
    ...more,
  });
  return { ...taken, said };
}

async function refusal(work: Promise<unknown>): Promise<AgentFlowError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!AgentFlowError.is(error)) throw new Error(`not refused: ${String(error)}`, { cause: error });
  return error;
}

const kinds = [
  "configmaps",
  "deployments.apps",
  "jobs.batch",
  "leases.coordination.k8s.io",
  "pods",
  "secrets",
];
const rest = ["replicasets.apps", "serviceaccounts", "services", "statefulsets.apps"];

/** All that lies there but what every namespace has. */
function lying(namespace: string): string[] {
  return [...kinds, ...rest]
    .flatMap((kind) => cluster.store.list(kind, namespace).map((one) => `${kind}/${one.metadata.name}`))
    .filter((one) => !/kube-root-ca|serviceaccounts\/default$/.test(one))
    .sort();
}

function put(resource: string, namespace: string, object: JsonObject & { metadata: JsonObject }): void {
  const named = object.metadata["name"];
  if (typeof named !== "string") throw new Error("an object has a name");
  cluster.store.put(
    { resource, namespace, name: named },
    { ...object, metadata: { uid: `uid-of-${named}`, ...object.metadata, name: named, namespace } },
  );
}

test("workers end first, then what they need; secrets and revisions stay", async () => {
  const namespace = "away";
  const one = await deployed({ namespace });
  const two = await deployed({ namespace, build: builds.two });
  const taken = await down(two);
  const removed = taken.said.filter((text) => text.endsWith(" removed"));
  expect(removed.map((text) => text.replace(/-[0-9a-f]{4,12} removed$| removed$/, ""))).toEqual([
    `Job/${name}-keys`,
    `Job/${name}-register`,
    `Deployment/${name}-worker-default`,
    `Deployment/${name}-worker-default`,
    `Deployment/${name}-control-plane`,
    `StatefulSet/${name}-nats`,
  ]);
  expect(taken).toMatchObject({ dataRemoved: [], dataKept: [`Secret/${name}-secrets`] });
  expect(lying(namespace)).toEqual([
    `configmaps/${name}-inventory`,
    `leases.coordination.k8s.io/${name}-deploy`,
    `secrets/${name}-revision-1`,
    `secrets/${name}-revision-2`,
    `secrets/${name}-secrets`,
  ]);
  const status = await deployStatus(two.access, { name, pace: realPace });
  expect(status).toMatchObject({ parts: [], revision: { number: 2, outcome: "deployed" } });
  // A second time there is nothing to do; a deploy brings all of it back.
  expect((await down(two)).objects).toEqual([]);
  await deploy(two);
  expect((await listRevisions(two.access, name)).map(({ number }) => number)).toEqual([1, 2, 3]);
  one.close();
  two.close();
});

test("a worker's pod has ended before the control plane goes", async () => {
  const namespace = "slowly";
  // Its work in flight takes a while, and it says when it is done with it.
  const workerScript = 'trap "sleep 0.5; exit 0" TERM; while true; do sleep 0.05; done';
  const on = await deployed({ namespace, workerScript });
  let podsThen: readonly string[] | undefined;
  const watched = { step: () => undefined };
  await down(on, {
    progress: {
      ...watched,
      object: (title, state) => {
        if (title.endsWith("-control-plane") && state === "stopping")
          podsThen = cluster.store.list("pods", namespace).map((pod) => pod.metadata.name);
      },
    },
  });
  expect(podsThen?.some((pod) => pod.includes("-control-plane-"))).toBe(true);
  expect(podsThen?.some((pod) => pod.includes("-worker-"))).toBe(false);
  on.close();
});

test("interrupted while workers end, the next one waits for them all the same", async () => {
  const namespace = "twice";
  const workerScript = 'trap "sleep 1; exit 0" TERM; while true; do sleep 0.05; done';
  const on = await deployed({ namespace, workerScript });
  const stop = new AbortController();
  const step = (): void => undefined;
  const first = down(on, {
    signal: stop.signal,
    progress: {
      step,
      object: (title) => {
        if (title.includes("-worker-")) setImmediate(() => stop.abort());
      },
    },
  });
  await expect(first).rejects.toThrow(/abort/i);
  const left = (part: string): boolean =>
    cluster.store.list("pods", namespace).some(({ metadata }) => metadata.name.includes(part));
  let isWorkerLeft: boolean | undefined;
  await down(on, {
    progress: {
      step,
      object: (title, state) => {
        if (title.endsWith("-control-plane") && state === "stopping") isWorkerLeft = left("-worker-");
      },
    },
  });
  expect(isWorkerLeft).toBe(false);
  on.close();
});

test("told so, data, secrets and all memory of deploys go too, and nothing that is not ours", async () => {
  const namespace = "wholly";
  const on = await deployed({ namespace });
  const ours = { "app.kubernetes.io/instance": name, "agentflow.dev/part": "nats" };
  const claim = { apiVersion: "v1", kind: "PersistentVolumeClaim", spec: {} };
  put("persistentvolumeclaims", namespace, {
    ...claim,
    metadata: { name: `nats-${name}-nats-1`, labels: ours },
  });
  put("persistentvolumeclaims", namespace, { ...claim, metadata: { name: "theirs", labels: ours } });
  const foreign = { "app.kubernetes.io/instance": name, "app.kubernetes.io/managed-by": "Helm" };
  put("secrets", namespace, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: `${name}-tls`, labels: foreign },
  });
  const plan = await standingOf({ access: on.access, name, project: "shop", target: "prod" });
  expect(plan.isNamespaceOurs).toBe(true);
  const taken = await down(on, { data: true });
  expect(taken.dataRemoved).toEqual([`PersistentVolumeClaim/nats-${name}-nats-1`, `Secret/${name}-secrets`]);
  expect(taken.revisionsRemoved).toEqual([1]);
  expect(lying(namespace)).toEqual([`secrets/${name}-tls`]);
  expect(cluster.store.list("persistentvolumeclaims", namespace).map((one) => one.metadata.name)).toEqual([
    "theirs",
  ]);
  expect(cluster.store.get({ resource: "namespaces", namespace: "", name: namespace })).toBeDefined();
  expect(await down(on, { data: true })).toMatchObject({ objects: [], revisionsRemoved: [] });
  on.close();
});

test("an object that somebody took over stays", async () => {
  const namespace = "taken";
  const on = await deployed({ namespace });
  const key = { resource: "configmaps", namespace, name: `${name}-settings` };
  const found = cluster.store.get(key);
  if (found === undefined) throw new Error("it was deployed");
  const labels = { "app.kubernetes.io/managed-by": "somebody" };
  cluster.store.put(key, { ...found, metadata: { ...found.metadata, labels } });
  expect((await down(on)).objects).not.toContain(`ConfigMap/${name}-settings`);
  expect(lying(namespace)).toContain(`configmaps/${name}-settings`);
  on.close();
});

test("while somebody deploys nothing goes; missing rights are named at once", async () => {
  const namespace = "refused";
  const on = await deployed({ namespace });
  const before = lying(namespace);
  const lease = { resource: "leases.coordination.k8s.io", namespace, name: `${name}-deploy` };
  let renewed = 0;
  const renew = (): void => {
    const found = cluster.store.get(lease);
    if (found === undefined) return;
    const spec = {
      holderIdentity: "ann@laptop",
      leaseDurationSeconds: 15,
      renewTime: `2026-01-01T00:00:0${renewed++ % 10}.000000Z`,
    };
    cluster.store.put(lease, { ...found, spec });
  };
  renew();
  const renewing = setInterval(renew, 20);
  const busy = await refusal(down(on));
  clearInterval(renewing);
  expect(busy).toMatchObject({ code: "conflict", reason: "deploy_in_progress" });
  const { kubeconfig } = readingOnly("eve", namespace);
  const eve = await deployingTo({ kubeconfig }, standin({ namespace }));
  const error = await refusal(down(eve, { data: true }));
  expect(error).toMatchObject({ code: "forbidden", reason: "rights_missing" });
  expect(error.message).toContain("delete deployments.apps");
  expect(error.message).toContain("delete secrets");
  expect(lying(namespace)).toEqual(before);
  eve.close();
  on.close();
});

function readingOnly(user: string, namespace: string): { readonly kubeconfig: string } {
  const group = "rbac.authorization.k8s.io";
  const apiVersion = `${group}/v1`;
  const rules = [{ verbs: ["get", "list"], apiGroups: ["*"], resources: ["*"] }];
  cluster.writer.create("roles.rbac.authorization.k8s.io", namespace, {
    apiVersion,
    kind: "Role",
    metadata: { name: "reads" },
    rules,
  });
  cluster.writer.create("rolebindings.rbac.authorization.k8s.io", namespace, {
    apiVersion,
    kind: "RoleBinding",
    metadata: { name: "reads" },
    roleRef: { apiGroup: group, kind: "Role", name: "reads" },
    subjects: [{ kind: "User", apiGroup: group, name: user }],
  });
  return cluster.userKubeconfig(user, { namespace });
}

test("what af deploy did not bring there is told by who did", async () => {
  const namespace = "charted";
  const on = await deployingTo(cluster, standin({ namespace }));
  put("namespaces", "", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  expect((await down(on)).objects).toEqual([]);
  const bare = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "a", image: "bbsh:1" }] } };
  put("deployments.apps", namespace, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: `${name}-control-plane`,
      labels: { "app.kubernetes.io/instance": name, "app.kubernetes.io/managed-by": "Helm" },
      annotations: { "meta.helm.sh/release-name": "shop" },
    },
    spec: { paused: true, replicas: 0, selector: { matchLabels: { a: "b" } }, template: bare },
  });
  const error = await refusal(down(on));
  expect(error).toMatchObject({ code: "refused", reason: "not_deployed_by_af" });
  expect(error.message).toContain("belongs to the chart's release shop");
  expect(error.suggestions).toEqual([`helm uninstall shop -n ${namespace}`]);
  on.close();
});
