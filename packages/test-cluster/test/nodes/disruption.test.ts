/** Budgets, evictions and autoscalers, against what was recorded of them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { putPodMetrics, startTestCluster, type TestCluster } from "../../src/index.ts";
import { changeOf, conditionsLine, exchange, seenIn } from "./parse-recorded.ts";
import { until } from "./until.ts";

let cluster: TestCluster;
const folder = "12-eviction-hpa";
const namespace = "af-demo";

beforeAll(async () => {
  cluster = await startTestCluster({ plain: true, pods: "processes", pace: 100 });
  await send("POST", "/api/v1/namespaces", { metadata: { name: namespace } });
});
afterAll(async () => {
  await cluster.stop();
});

async function send(
  method: string,
  path: string,
  body: object,
  type = "application/json",
): Promise<{ readonly status: number; readonly body: unknown }> {
  const headers = { authorization: `Bearer ${cluster.adminToken}`, "content-type": type };
  const answer = await fetch(`${cluster.server}${path}`, { method, headers, body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}

async function deploy(app: string, replicas: number, container: object = {}): Promise<void> {
  const command = ["/bin/sh", "-c", 'trap "exit 0" TERM; while true; do sleep 0.1; done'];
  const spec = {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: "main", image: "bbsh:1", command, ...container }],
  };
  const template = { metadata: { labels: { app } }, spec };
  const body = { metadata: { name: app }, spec: { replicas, selector: { matchLabels: { app } }, template } };
  const { status } = await send("POST", `/apis/apps/v1/namespaces/${namespace}/deployments`, body);
  expect(status).toBe(201);
  await until(cluster.store, () => (found("deployments.apps", app)?.status?.readyReplicas ?? 0) === replicas);
}

function found(resource: string, name: string) {
  const object = cluster.store.get({ resource, namespace, name });
  return object === undefined ? undefined : seenIn(object);
}

function podOf(app: string): string {
  const all = cluster.store.list("pods", namespace).filter((one) => one.metadata.name.startsWith(`${app}-`));
  return all[0]?.metadata.name ?? "";
}

test("a budget counts, and an eviction above it is refused as recorded", async () => {
  await deploy("good", 2);
  const made = exchange(folder, "01-pdb-create.json").request;
  expect((await send(made.method, made.path, bodyIn(made.body))).status).toBe(201);
  const budget = "poddisruptionbudgets.policy";
  await until(cluster.store, () => found(budget, "good")?.status?.conditions?.length === 1);
  const recorded = seenIn(exchange(folder, "02-pdb-status.json").response.body).status;
  const { conditions, ...counts } = found(budget, "good")?.status ?? {};
  const { conditions: recordedConditions, ...recordedCounts } = recorded ?? {};
  expect(counts).toEqual(recordedCounts);
  expect(conditions?.map(withoutTime)).toEqual(recordedConditions?.map(withoutTime));
  const evict = (name: string) =>
    send("POST", `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name, namespace },
    });
  const refused = await evict(podOf("good"));
  expect([refused.status, refused.body]).toEqual([
    429,
    exchange(folder, "03-eviction-429.json").response.body,
  ]);
  const fewer = { spec: { minAvailable: 1 } };
  const at = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/good`;
  await send("PATCH", at, fewer, "application/merge-patch+json");
  await until(cluster.store, () => found(budget, "good")?.status?.conditions?.[0]?.status === "True");
  expect((await evict(podOf("good"))).status).toBe(201);
});

function bodyIn(body: object | string | undefined): object {
  return typeof body === "object" ? body : {};
}

function withoutTime({ lastTransitionTime: _, ...rest }: object & { lastTransitionTime?: string }) {
  return rest;
}

const requests = { resources: { requests: { cpu: "100m" } } };
const scalers = [
  { name: "hload", file: "06-hpa-metrics-present.json", container: requests, cpu: "102m" },
  { name: "hnoreq", file: "07-hpa-no-requests.json", container: {}, cpu: "102m" },
  { name: "hnotarget", file: "08-hpa-no-target.json" },
  { name: "hext", file: "09-hpa-external-absent.json", container: requests },
  { name: "hnone", file: "14-hpa-no-metrics-yet.json", container: requests },
];

test.each(scalers)("an autoscaler says what was recorded: $file", async ({ name, file, container, cpu }) => {
  if (container !== undefined) await deploy(name, 1, container);
  if (cpu !== undefined) putPodMetrics(cluster.store, { namespace, pod: podOf(name), cpu });
  const recorded = seenIn(exchange(folder, file).response.body);
  const body = { metadata: { name }, spec: recorded.spec };
  const path = `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`;
  const resource = "horizontalpodautoscalers.autoscaling";
  const lines: string[] = [];
  const key = { resource, namespace, name };
  const end = cluster.store.subscribe((event) => {
    if (event.key.resource === resource && event.key.name === name)
      lines.push(messages(changeOf(event).object));
  });
  expect((await send("POST", path, body)).status).toBe(201);
  const wanted = messages(recorded);
  await until(cluster.store, () => lines.includes(wanted));
  end();
  expect(lines).toContain(wanted);
  expect(conditionsLine({ resource, type: "", object: recorded })).not.toBe("");
  cluster.store.remove(key);
});

test("two autoscalers of one Deployment stop each other, with the recorded words", async () => {
  const { response } = exchange(folder, "13-hpa-ambiguous-selector.json");
  const recorded = seenIn(response.body);
  // Its pods are there already.
  expect(podOf("hext")).not.toBe("");
  const path = `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`;
  const resource = "horizontalpodautoscalers.autoscaling";
  for (const name of ["hext", "hamb"]) {
    expect((await send("POST", path, { metadata: { name }, spec: recorded.spec })).status).toBe(201);
  }
  const wanted = messages(recorded).replaceAll("af-demo/", `${namespace}/`);
  await until(cluster.store, () => {
    const found = cluster.store.get({ resource, namespace, name: "hamb" });
    return found !== undefined && messages(seenIn(found)) === wanted;
  });
  expect(wanted).toContain("ScalingActive=False AmbiguousSelector");
});

/** Conditions with their words; which pod it was varies. */
function messages(object: ReturnType<typeof seenIn>): string {
  const all = (object.status?.conditions ?? []).map(
    ({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`,
  );
  return all.join("\n").replace(/of Pod \S+/, "of Pod <pod>");
}
