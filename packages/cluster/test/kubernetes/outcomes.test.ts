/** Every way in which a deploy ends, shown against the API server for tests. */
import { AgentFlowError } from "@agentflow/protocol";
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Access } from "../../src/kubernetes/deploy/access.ts";
import { deploy } from "../../src/kubernetes/deploy/deploy.ts";
import { planDeploy, refuseConflicts } from "../../src/kubernetes/deploy/deploy-plan.ts";
import type { Deploying } from "../../src/kubernetes/deploy/deploying.ts";
import { collectGarbage, findGarbage } from "../../src/kubernetes/deploy/gc.ts";
import { listRevisions } from "../../src/kubernetes/deploy/revisions.ts";
import { rollbackTarget } from "../../src/kubernetes/deploy/rollback.ts";
import { deployStatus } from "../../src/kubernetes/deploy/status.ts";
import { realPace } from "../../src/kubernetes/pace.ts";
import { openCluster } from "../../src/kubernetes/client/index.ts";
import { asTheGuideSays } from "./guide.ts";
import { type Standin, builds, deployingTo, holderNamed, name, registerJob, standin } from "./standin.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster({ pods: "processes", pace: 10 });
});
afterAll(() => cluster.stop());

const worker = (build: string): string => `${name}-worker-default-${build}`;
const deployments = (namespace: string): string[] =>
  cluster.store.list("deployments.apps", namespace).map(({ metadata }) => metadata.name);

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

async function refusedRun(of: Standin, more: Partial<Deploying> = {}): Promise<AgentFlowError> {
  return refusal(run(of, more));
}

describe("one release, deployed again and again", () => {
  const namespace = "story";

  test("a change of one object is shown field by field, and nothing else is touched", async () => {
    await run({ namespace });
    const deploying = await deployingTo(cluster, standin({ namespace, note: "b", workers: 2 }));
    const plan = await planDeploy(deploying);
    const changed = plan.changes.filter(({ change }) => change !== "keep");
    expect(changed.map(({ object, fields }) => [object["kind"], fields])).toEqual([
      ["ConfigMap", [{ path: "data.note", before: '"a"', after: '"b"' }]],
      ["Deployment", [{ path: "spec.replicas", before: "1", after: "2" }]],
    ]);
    expect((await deploy(deploying)).applied).toEqual([
      `ConfigMap/${name}-settings`,
      `Deployment/${worker(builds.one)}`,
    ]);
    deploying.close();
  });

  test("a new build stands beside the old one, whose workers stay until its runs have ended", async () => {
    const done = await run({ namespace, build: builds.two });
    expect(deployments(namespace)).toEqual([`${name}-control-plane`, worker(builds.one), worker(builds.two)]);
    expect(done.applied).toContain(`Job/${registerJob(builds.two)}`);
    // A second time nothing changes, though the cluster has more than the release.
    expect(await run({ namespace, build: builds.two })).toMatchObject({ isChanged: false, revision: 3 });
  });

  test("an image that cannot be pulled ends the wait at once, with what the cluster says", async () => {
    const error = await refusedRun({ namespace, build: builds.two, workerImage: "registry.invalid/none:1" });
    expect(error).toMatchObject({ code: "unavailable", reason: "image_pull" });
    asTheGuideSays("bad image", error);
    expect(error.message).toContain(`Deployment/${worker(builds.two)} does not get ready`);
    expect(error.details["events"]).toEqual(
      expect.arrayContaining([expect.stringContaining("registry.invalid/none:1")]),
    );
    expect(error.details["applied"]).toEqual([`Deployment/${worker(builds.two)}`]);
  });

  test("a container that crashes is told with its exit code and the lines it left", async () => {
    const script = "echo no key for the model; exit 3";
    // As ours have one: who has none counts as ready for the moment that it runs.
    const probe = { readinessProbe: { exec: { command: ["true"] }, initialDelaySeconds: 600 } };
    const error = await refusedRun({ namespace, build: builds.two, workerScript: script, probe });
    expect(error).toMatchObject({ code: "unavailable", reason: "crash_loop" });
    asTheGuideSays("crash loop", error);
    expect(error.message).toContain("exit code 3");
    expect(error.details["lines"]).toEqual(["no key for the model"]);
  });

  test("a pod that no node takes is given a while, then told in the scheduler's words", async () => {
    const error = await refusedRun({ namespace, build: builds.two, selector: { gpu: "yes" } });
    expect(error).toMatchObject({ code: "unavailable", reason: "unschedulable" });
    asTheGuideSays("no node takes it", error);
    expect(error.message).toContain("0/1 nodes are available");
  });

  test("a job that fails is told, and runs again with the next deploy", async () => {
    const error = await refusedRun({
      namespace,
      build: builds.two,
      registerScript: "echo no such tool; exit 1",
    });
    expect(error).toMatchObject({ code: "unavailable", reason: "job_failed" });
    asTheGuideSays("a job fails", error);
    expect(error.details["lines"]).toEqual(["no such tool"]);
    const deploying = await deployingTo(cluster, standin({ namespace, build: builds.two }));
    const { changes } = await planDeploy(deploying);
    expect(changes.filter(({ change }) => change === "replace").map(({ object }) => object["kind"])).toEqual([
      "Job",
    ]);
    deploying.close();
  });

  test("a wait that is over says what is missing, and the cluster goes on", async () => {
    const probe = { readinessProbe: { exec: { command: ["false"] }, periodSeconds: 60 } };
    const error = await refusedRun(
      { namespace, build: builds.two, probe },
      { timeoutMs: 1_500, graceMs: 60_000 },
    );
    expect(error).toMatchObject({ code: "timeout", reason: "deploy_not_ready" });
    asTheGuideSays("not ready in time", error);
    expect(error.message).toContain(worker(builds.two));
  });

  test("going back takes the last deploy that went well, and makes a revision of its own", async () => {
    const deploying = await deployingTo(cluster, standin({ namespace }));
    const before = await listRevisions(deploying.access, name);
    expect(before.map(({ outcome }) => outcome)).toEqual([
      "deployed",
      "deployed",
      "deployed",
      "failed",
      "failed",
      "failed",
      "failed",
      "failed",
    ]);
    const { release, revision } = await rollbackTarget({
      access: deploying.access,
      name,
      project: "shop",
      target: "prod",
    });
    expect(revision).toMatchObject({ number: 3, build: builds.two });
    const done = await deploy({ ...deploying, release, rollbackTo: revision.number });
    expect(done.revision).toBe(9);
    const after = await listRevisions(deploying.access, name);
    expect(after.at(-1)).toMatchObject({ number: 9, outcome: "deployed", rollbackTo: 3 });
    const unknown = await refusal(
      rollbackTarget({ access: deploying.access, name, project: "shop", target: "prod", number: 77 }),
    );
    expect(unknown).toMatchObject({ code: "not_found", reason: "revision_unknown" });
    deploying.close();
  });

  test("workers of a drained build go, those with runs stay, the newest is never asked about", async () => {
    const deploying = await deployingTo(cluster, standin({ namespace }));
    const { access } = deploying;
    const of = { access, name, project: "shop", target: "prod" };
    const asked: string[] = [];
    const runs = (open: number) => async (build: string) => {
      asked.push(build);
      return Promise.resolve(open);
    };
    const busy = await findGarbage({ ...of, openRuns: runs(2) });
    expect(busy).toMatchObject({ objects: [], kept: [{ build: builds.one, runs: 2 }] });
    const drained = await findGarbage({ ...of, openRuns: runs(0) });
    expect(drained.objects.map(({ metadata }) => metadata)).toMatchObject([{ name: worker(builds.one) }]);
    const stop = new AbortController();
    await collectGarbage(
      { ...of, openRuns: runs(0) },
      { holder: holderNamed("gc"), pace: realPace, signal: stop.signal, onRemoved: () => undefined },
    );
    expect(deployments(namespace)).toEqual([`${name}-control-plane`, worker(builds.two)]);
    expect(new Set(asked)).toEqual(new Set([builds.one]));
    const status = await deployStatus(access, { name, pace: realPace });
    expect(status.parts.every(({ state }) => state === "ready")).toBe(true);
    expect(status.builds).toEqual([builds.two]);
    deploying.close();
  });

  test("what is no longer wanted goes, what holds data stays unless told", async () => {
    const less = standin({ namespace, build: builds.two });
    const without = less.objects.filter(({ kind }) => kind !== "ConfigMap" && kind !== "StatefulSet");
    const deploying = await deployingTo(cluster, { ...less, objects: without });
    const plan = await planDeploy(deploying);
    const going = (changes: typeof plan.changes) =>
      changes.filter(({ change }) => change === "remove").map(({ object }) => object["kind"]);
    expect(going(plan.changes)).toEqual(["ConfigMap"]);
    expect(going((await planDeploy({ ...deploying, pruneData: true })).changes)).toEqual([
      "ConfigMap",
      "StatefulSet",
    ]);
    await deploy(deploying);
    expect(cluster.store.list("configmaps", namespace).map(({ metadata }) => metadata.name)).not.toContain(
      `${name}-settings`,
    );
    expect(cluster.store.list("statefulsets.apps", namespace)).toHaveLength(1);
    deploying.close();
  });
});

test("fields of another manager are named and nothing is applied; told so, they are taken over", async () => {
  const namespace = "conflict";
  await run({ namespace });
  const other = await openCluster({ environment: {}, kubeconfig: cluster.kubeconfig });
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${worker(builds.one)}`;
  await other.send("scaling", {
    method: "PATCH",
    path,
    query: { fieldManager: "kubectl-edit" },
    contentType: "application/merge-patch+json",
    body: { spec: { replicas: 3 } },
  });
  other.close();
  const wanted = { namespace, workers: 2, note: "b" };
  const error = await refusedRun(wanted);
  expect(error).toMatchObject({ code: "conflict", reason: "fields_managed_by_others" });
  asTheGuideSays("another manager's fields", error);
  expect(error.details["conflicts"]).toEqual([
    { object: `Deployment/${worker(builds.one)}`, manager: "kubectl-edit", field: ".spec.replicas" },
  ]);
  expect(error.suggestions[0]).toContain("--force-conflicts");
  const kept = cluster.store.get({ resource: "configmaps", namespace, name: `${name}-settings` });
  expect(kept?.["data"]).toEqual({ note: "a" });
  expect((await run(wanted, { force: true })).isChanged).toBe(true);
});

test("a chart's release is left alone", async () => {
  const namespace = "chart";
  await run({ namespace });
  const other = await openCluster({ environment: {}, kubeconfig: cluster.kubeconfig });
  await other.send("labelling", {
    method: "PATCH",
    path: `/api/v1/namespaces/${namespace}/configmaps/${name}-settings`,
    contentType: "application/merge-patch+json",
    body: { metadata: { annotations: { "meta.helm.sh/release-name": "shop" } } },
  });
  other.close();
  const error = await refusedRun({ namespace, note: "b" });
  expect(error).toMatchObject({ code: "refused", reason: "release_of_a_chart" });
  asTheGuideSays("a chart's release", error);
});

test("rights that are missing are named all at once, and nothing was changed", async () => {
  const { kubeconfig } = cluster.userKubeconfig("eve", { namespace: "rights" });
  const deploying = await deployingTo({ kubeconfig }, standin({ namespace: "rights" }));
  const error = await refusal(deploy(deploying));
  deploying.close();
  expect(error).toMatchObject({ code: "forbidden", reason: "rights_missing" });
  expect(error.details["missing"]).toEqual(
    expect.arrayContaining([
      "get/create/patch/delete/list deployments.apps",
      "get pods/log",
      "get/create/update leases.coordination.k8s.io",
    ]),
  );
  expect(cluster.store.get({ resource: "namespaces", namespace: "", name: "rights" })).toBeUndefined();
});

test("a quota without room is said before anything is applied, with what is left", async () => {
  const namespace = "quota";
  cluster.writer.create("namespaces", "", {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
  });
  cluster.writer.create("resourcequotas", namespace, {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "small" },
    spec: { hard: { "requests.cpu": "1" } },
  });
  const error = await refusedRun({ namespace, cpu: "500m" });
  expect(error).toMatchObject({ code: "refused", reason: "quota_exceeded" });
  asTheGuideSays("quota", error);
  expect(error.message).toContain("small: requests.cpu 2.5 wanted, 1 left of 1");
  expect(deployments(namespace)).toEqual([]);
});

test("an expired token, and a cluster that is gone", async () => {
  const { kubeconfig, token } = cluster.userKubeconfig("ann", { groups: ["system:masters"] });
  const deploying = await deployingTo({ kubeconfig }, standin({ namespace: "expired" }));
  cluster.faults.expire(token);
  expect(await refusal(deploy(deploying))).toMatchObject({
    code: "unauthenticated",
    reason: "cluster_unauthenticated",
  });
  deploying.close();
});

test("connections that break in the middle, and a server that is busy, are not noticed", async () => {
  const namespace = "weather";
  const deploying = await deployingTo(cluster, standin({ namespace }), {});
  const progress = {
    ...deploying.progress,
    object: (title: string, state: string) => {
      if (state === "creating") cluster.faults.cut();
      if (title.startsWith("Service/")) cluster.faults.refuse(503, 2);
    },
  };
  expect(await deploy({ ...deploying, progress })).toMatchObject({ isChanged: true, revision: 1 });
  deploying.close();
});

test("a connection that is lost for good ends the deploy with what had been applied", async () => {
  const namespace = "lost";
  const weather = await startTestCluster({ pods: "processes", pace: 10 });
  const deploying = await deployingTo(weather, standin({ namespace }));
  let gone: Promise<void> | undefined;
  const progress = {
    ...deploying.progress,
    object: (title: string, state: string) => {
      if (title === `Deployment/${name}-control-plane` && state === "creating") gone = weather.stop();
    },
  };
  const error = await refusal(deploy({ ...deploying, progress }));
  await gone;
  deploying.close();
  expect(error).toMatchObject({ code: "unavailable", reason: "cluster_unreachable" });
  asTheGuideSays("connection lost for good", error);
  expect(error.details["applied"]).toEqual(expect.arrayContaining([`StatefulSet/${name}-nats`]));
});

test("Ctrl-C ends it at once, also while the server says nothing", async () => {
  const namespace = "silent";
  const weather = await startTestCluster({ pods: "processes", pace: 10 });
  const stop = new AbortController();
  const deploying = await deployingTo(weather, standin({ namespace }), { signal: stop.signal });
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const progress = {
    ...deploying.progress,
    object: (title: string, state: string) => {
      if (title !== `Deployment/${name}-control-plane` || state !== "creating") return;
      weather.faults.stall();
      begin();
    },
  };
  const work = deploy({ ...deploying, progress }).catch((error: unknown) => error);
  await begun;
  stop.abort();
  // Requests that hang for half a minute are waited for by nobody: this test would not end in time.
  expect(await work).toMatchObject({ reason: "interrupted" });
  weather.faults.resume();
  deploying.close();
  await weather.stop();
});

test("somebody else's deploy is respected while it lives, and followed once it is dead", async () => {
  const namespace = "lease";
  await run({ namespace });
  const lease = { resource: "leases.coordination.k8s.io", namespace, name: `${name}-deploy` };
  const held = (version: string) => {
    const found = cluster.store.get(lease);
    if (found === undefined) throw new Error("no lease");
    cluster.store.put(lease, {
      ...found,
      spec: { holderIdentity: "ann@laptop (process 4711)", leaseDurationSeconds: 1, renewTime: version },
    });
  };
  held("2026-01-01T00:00:00.000000Z");
  const alive = setInterval(() => held(new Date().toISOString()), 200);
  const error = await refusedRun({ namespace, note: "b" });
  clearInterval(alive);
  expect(error).toMatchObject({ code: "conflict", reason: "deploy_in_progress" });
  asTheGuideSays("somebody deploys", error);
  expect(error.message).toContain("ann@laptop (process 4711)");
  expect(await run({ namespace, note: "b" })).toMatchObject({ isChanged: true });
});

test("a deploy between the look and the lease: it is looked at again", async () => {
  const namespace = "between";
  await run({ namespace });
  const deploying = await deployingTo(cluster, standin({ namespace, note: "b" }));
  let looks = 0;
  const { cluster: opened } = deploying.access;
  // The second time that the lease is looked at, somebody else has done what is wanted.
  const send: typeof opened.send = async (doing, request) => {
    if (request.method === "GET" && request.path.includes("/leases/") && ++looks === 2)
      await run({ namespace, note: "b" });
    return opened.send(doing, request);
  };
  const access = new Access({ ...opened, send }, namespace);
  expect(await deploy({ ...deploying, access })).toMatchObject({ isChanged: false, revision: 2 });
  deploying.close();
});

test("a deploy that died on this machine is followed at once; whose place is taken is said", async () => {
  const namespace = "died";
  await run({ namespace });
  const lease = { resource: "leases.coordination.k8s.io", namespace, name: `${name}-deploy` };
  const found = cluster.store.get(lease);
  if (found === undefined) throw new Error("no lease");
  cluster.store.put(lease, {
    ...found,
    metadata: { ...found.metadata, annotations: { "agentflow.dev/process": "here/7/1" } },
    // Longer than this test may last: it is not waited for.
    spec: { holderIdentity: "ann@laptop (process 7)", leaseDurationSeconds: 3_600 },
  });
  const holder = {
    name: "bob@laptop (process 8)",
    process: "here/8/2",
    isDead: (id: string) => id === "here/7/1",
  };
  const deploying = await deployingTo(cluster, standin({ namespace, note: "b" }), { holder });
  expect(await deploy(deploying)).toMatchObject({ isChanged: true });
  deploying.close();
  expect(deploying.told.steps).toContain(
    "ann@laptop (process 7) died in the middle of a deploy: going on from there",
  );
  const now = cluster.store.get(lease);
  expect(now?.metadata.annotations).toEqual({ "agentflow.dev/process": "here/8/2" });
});

test("another control plane must read all histories first; when it cannot, nothing is applied", async () => {
  const namespace = "histories";
  await run({ namespace });
  const refused = async (exitCode: number): Promise<AgentFlowError> => {
    const release = standin({ namespace, controlPlaneImage: "bb:1", note: "b" });
    const env = `"env":[{"name":"HISTORIES","value":"${exitCode}"}],"args":`;
    const objects = release.objects.map((one) =>
      one.metadata.name === `${name}-control-plane`
        ? JSON.parse(JSON.stringify(one).replace('"args":', env))
        : one,
    );
    const deploying = await deployingTo(cluster, { ...release, objects });
    try {
      return await refusal(deploy(deploying));
    } finally {
      deploying.close();
    }
  };
  asTheGuideSays("histories", await refused(15));
  // It could not look: what is alive is not known.
  asTheGuideSays("histories, not read", await refused(6));
  const kept = cluster.store.get({ resource: "configmaps", namespace, name: `${name}-settings` });
  expect(kept?.["data"]).toEqual({ note: "a" });
  expect(await run({ namespace, controlPlaneImage: "bb:1", note: "b" })).toMatchObject({ isChanged: true });
});

test("values of secrets are in the cluster alone: in no plan, revision or inventory", async () => {
  const namespace = "secrets";
  const secrets = { names: ["model-key"], values: new Map([["model-key", "hunter2-hunter2"]]) };
  const deploying = await deployingTo(cluster, standin({ namespace }), { secrets });
  const done = await deploy(deploying);
  const kept = cluster.store.get({ resource: "secrets", namespace, name: `${name}-secrets` });
  const encoded = Buffer.from("hunter2-hunter2").toString("base64");
  expect(kept?.["data"]).toEqual({ "model-key": encoded });
  const plan = await planDeploy({
    ...deploying,
    secrets: { names: ["model-key"], values: new Map([["model-key", "another"]]) },
  });
  expect(plan.changes.find(({ object }) => object["kind"] === "Secret")?.fields).toEqual([
    { path: "data.model-key", before: "(secret)", after: "(secret)" },
  ]);
  const revision = cluster.store.get({ resource: "secrets", namespace, name: `${name}-revision-1` });
  expect(JSON.stringify([revision, done.plan.objects, deploying.told])).not.toContain("hunter2");
  expect(JSON.stringify([revision, done.plan.objects])).not.toContain(encoded);
  // One that is not known here stays as it is there.
  const forgotten = await planDeploy({ ...deploying, secrets: { names: ["model-key"], values: new Map() } });
  expect(forgotten.changes.every(({ change }) => change === "keep")).toBe(true);
  refuseConflicts(deploying, forgotten);
  deploying.close();
});

test("a deploy that was stopped is gone on with by the next, as the same revision", async () => {
  const namespace = "killed";
  const stop = new AbortController();
  const deploying = await deployingTo(cluster, standin({ namespace }), { signal: stop.signal });
  const progress = {
    ...deploying.progress,
    object: (title: string, state: string) => {
      if (title === `Deployment/${name}-control-plane` && state === "creating") stop.abort();
    },
  };
  await refusal(
    deploy({ ...deploying, progress }).catch((error: unknown) => {
      throw AgentFlowError.from(error, "stopped");
    }),
  );
  deploying.close();
  expect(await run({ namespace })).toMatchObject({ isChanged: true, revision: 1 });
});

test("a pod for which a node is being made is waited for until that one is there", async () => {
  const namespace = "coming";
  await run({ namespace });
  const told = new Set<string>();
  const unsubscribe = cluster.store.subscribe(({ key, object }) => {
    const { name: pod } = key;
    if (key.resource !== "pods" || key.namespace !== namespace || told.has(pod)) return;
    if (!JSON.stringify(object["status"] ?? {}).includes("Unschedulable")) return;
    told.add(pod);
    cluster.writer.create("events", namespace, {
      metadata: { name: `${pod}.scale-up` },
      involvedObject: { apiVersion: "v1", kind: "Pod", namespace, name: pod, uid: object.metadata.uid },
      type: "Normal",
      reason: "TriggeredScaleUp",
      message: "pod triggered scale-up: [{pool 1->2 (max: 3)}]",
      lastTimestamp: "2026-01-01T00:00:00Z",
    });
  });
  const deploying = await deployingTo(
    cluster,
    standin({ namespace, build: builds.two, selector: { pool: "new" } }),
  );
  const coming: string[] = [];
  const step = (text: string): void => {
    if (!text.startsWith("a node is on its way")) return;
    coming.push(text);
    const key = { resource: "nodes", namespace: "", name: "node1" };
    const node = cluster.store.get(key);
    if (node !== undefined)
      cluster.store.put(key, {
        ...node,
        metadata: { ...node.metadata, labels: Object.assign({}, node.metadata.labels, { pool: "new" }) },
      });
  };
  const done = await deploy({ ...deploying, progress: { ...deploying.progress, step } });
  unsubscribe();
  deploying.close();
  expect(done.isChanged).toBe(true);
  expect(coming).toHaveLength(1);
  expect(coming[0]).toContain(worker(builds.two));
});
