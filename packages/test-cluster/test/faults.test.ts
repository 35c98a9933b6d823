/** Weather on demand: what a client meets, and that it passes. */
import { ApiException, CoreV1Api, KubeConfig, Watch } from "@kubernetes/client-node";
import { readFileSync, statSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../src/index.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(async () => cluster.stop());

function configOf(file: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(file);
  return config;
}

function coreOf(file = cluster.kubeconfig): CoreV1Api {
  return configOf(file).makeApiClient(CoreV1Api);
}

async function codeOf(asked: Promise<unknown>): Promise<number | undefined> {
  return asked.then(
    () => undefined,
    (error: unknown) => (error instanceof ApiException ? error.code : -1),
  );
}

test("the client of Node trusts the server by the kubeconfig, which only its owner reads", async () => {
  const { items } = await coreOf().listNamespace();
  expect(items.map((one) => one.metadata?.name)).toContain("default");
  expect(statSync(cluster.kubeconfig).mode & 0o777).toBe(0o600);
  expect(readFileSync(cluster.kubeconfig, "utf8")).not.toContain("insecure");
});

test("plain HTTP is had by asking, and the client of Node takes it", async () => {
  const plain = await startTestCluster({ plain: true });
  try {
    expect(plain.server).toMatch(/^http:/);
    expect((await coreOf(plain.kubeconfig).listNamespace()).items.length).toBeGreaterThan(0);
  } finally {
    await plain.stop();
  }
});

test("requests are refused as often as was said, then answered", async () => {
  cluster.faults.refuse(429, 1);
  expect(await codeOf(coreOf().listNamespace())).toBe(429);
  cluster.faults.refuse(503, 2);
  expect(await codeOf(coreOf().listNamespace())).toBe(503);
  expect(await codeOf(coreOf().listNamespace())).toBe(503);
  expect(await codeOf(coreOf().listNamespace())).toBeUndefined();
});

test("a token that has expired is 401, another's is still good", async () => {
  const eve = cluster.userKubeconfig("eve");
  expect(await codeOf(coreOf(eve.kubeconfig).listNamespace())).toBe(403);
  cluster.faults.expire(eve.token);
  expect(await codeOf(coreOf(eve.kubeconfig).listNamespace())).toBe(401);
  expect(await codeOf(coreOf().listNamespace())).toBeUndefined();
});

test("a cut ends what is open, and the next request is answered", async () => {
  const watch = new Watch(configOf(cluster.kubeconfig));
  const ended = new Promise<string>((done) => {
    const seen = () => cluster.faults.cut();
    void watch.watch("/api/v1/namespaces", {}, seen, (error) => done(error === null ? "ended" : "cut"));
  });
  expect(["ended", "cut"]).toContain(await ended);
  expect(await codeOf(coreOf().listNamespace())).toBeUndefined();
});

test("a connection is lost before a request was done, or after: the object tells which", async () => {
  const plain = await startTestCluster({ plain: true });
  try {
    const core = coreOf(plain.kubeconfig);
    const make = async (name: string) =>
      codeOf(core.createNamespacedConfigMap({ namespace: "default", body: { metadata: { name } } }));
    const isMaking = (method: string, path: string) => method === "POST" && path.includes("/configmaps");
    const has = (name: string) =>
      plain.store.get({ resource: "configmaps", namespace: "default", name }) !== undefined;
    plain.faults.drop("before", isMaking);
    expect(await make("before")).toBe(-1);
    expect(has("before")).toBe(false);
    plain.faults.drop("after", isMaking);
    expect(await make("after")).toBe(-1);
    expect(has("after")).toBe(true);
    expect(await make("after")).toBe(409);
  } finally {
    await plain.stop();
  }
});

test("a stalled server answers when it goes on", async () => {
  cluster.faults.stall();
  let answered = false;
  const asked = coreOf()
    .listNamespace()
    .then(() => {
      answered = true;
    });
  await new Promise((done) => setTimeout(done, 100));
  expect(answered).toBe(false);
  cluster.faults.resume();
  await asked;
});

test("a watch from before what is remembered ends in 410, and a new list goes on", async () => {
  const short = await startTestCluster({ plain: true, changesKept: 5 });
  try {
    const core = coreOf(short.kubeconfig);
    const { metadata } = await core.listNamespacedConfigMap({ namespace: "default" });
    for (let number = 0; number < 8; number++) {
      await core.createNamespacedConfigMap({
        namespace: "default",
        body: { metadata: { generateName: "c-" } },
      });
    }
    const path = "/api/v1/namespaces/default/configmaps";
    const first = async (resourceVersion: string) =>
      new Promise<unknown>((done) => {
        const watch = new Watch(configOf(short.kubeconfig));
        const seen = (type: string, object: { code?: number }) => done(`${type} ${object.code ?? ""}`);
        void watch.watch(path, { resourceVersion, timeoutSeconds: 1 }, seen, (error) => done(error));
      });
    expect(await first(metadata?.resourceVersion ?? "")).toBe("ERROR 410");
    const { metadata: now, items } = await core.listNamespacedConfigMap({ namespace: "default" });
    expect(items.filter((one) => one.metadata?.name?.startsWith("c-"))).toHaveLength(8);
    expect(await first(now?.resourceVersion ?? "")).toBeNull();
  } finally {
    await short.stop();
  }
});
