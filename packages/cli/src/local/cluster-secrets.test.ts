/** Against the test API server, with TLS and RBAC, as the service account of the release's own objects. */
import { parseId } from "@agentflow/protocol";
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { clusterOfPod, prepareSecrets, type SecretsOptions } from "./cluster-secrets.ts";
import type { PrepareOptions } from "./prepare-parts.ts";

const namespace = "kman-keys";
const scratch = mkdtempSync(path.join(tmpdir(), "af-keys-"));
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startTestCluster();
  const { openTarget, render } = await import("@agentflow/cluster");
  const { releaseOf } = await import("@agentflow/cluster/kubernetes");
  const target = await openTarget({
    authored: {
      apiVersion: "agentflow.dev/v1",
      kind: "Project",
      name: "triage",
      targets: { prod: { kind: "kubernetes", namespace } },
    },
    target: "prod",
    variables: {},
  });
  const images = { nats: "n", controlPlane: "c", worker: "agentflow/triage:0123456789ab" };
  const release = releaseOf(render({ target, images, version: "0" }), {
    target,
    capabilities: { keda: false },
  });
  cluster.writer.create("namespaces", "", {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
  });
  for (const object of release.objects) {
    const resource = { Role: "roles", RoleBinding: "rolebindings", ServiceAccount: "serviceaccounts" }[
      object.kind
    ];
    if (resource === undefined) continue;
    const group = resource === "serviceaccounts" ? "" : ".rbac.authorization.k8s.io";
    cluster.writer.create(`${resource}${group}`, namespace, JSON.parse(JSON.stringify(object)));
  }
});

afterAll(async () => {
  await cluster.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const names = ["nats", "control-plane", "worker", "register"].map((part) => `triage-prod-keys-${part}`);

beforeEach(() => {
  for (const name of names) cluster.store.remove({ resource: "secrets", namespace, name });
});

function account(name: string): SecretsOptions {
  const { token } = cluster.userKubeconfig(`system:serviceaccount:${namespace}:${name}`);
  return {
    release: "triage-prod",
    labels: { "agentflow.dev/project": "triage" },
    api: { server: cluster.server, namespace, token, ca: cluster.authority ?? "" },
  };
}

let folders = 0;

function options(more: Partial<PrepareOptions> = {}): PrepareOptions {
  return {
    folder: path.join(scratch, String(folders++)),
    servers: 3,
    store: "/var/lib/nats",
    memoryMb: 128,
    hosts: "triage-prod-nats-{n}.triage-prod-nats",
    pools: [parseId("pool", "default")],
    builds: [],
    anyBuild: true,
    ...more,
  };
}

function secret(part: string): Record<string, string> {
  const key = { resource: "secrets", namespace, name: `triage-prod-keys-${part}` };
  const data: object = Object(cluster.store.get(key)?.["data"]);
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, Buffer.from(String(value), "base64").toString()]),
  );
}

const all = () =>
  Object.fromEntries(["nats", "control-plane", "worker", "register"].map((of) => [of, secret(of)]));

test("each part has a Secret with its own files and no other's", async () => {
  const files = await prepareSecrets(options(), account("triage-prod-keys"));
  expect(new Set(files.map(({ state }) => state))).toEqual(new Set(["made"]));
  expect(Object.keys(secret("nats"))).toEqual(["auth.conf", "nats.conf", "routes", "servers"]);
  expect(Object.keys(secret("control-plane"))).toEqual(["archiver.nk", "control-plane.nk", "token"]);
  expect(Object.keys(secret("worker"))).toEqual(["worker-default.nk"]);
  expect(Object.keys(secret("register"))).toEqual(["register.nk", "token"]);
  // Others take it into a header as it stands.
  expect(secret("control-plane")["token"]).toMatch(/^[0-9a-f]{64}$/);
  const { routes = "", "nats.conf": conf = "" } = secret("nats");
  expect(conf).toContain(`nats://routes:${routes.trim()}@triage-prod-nats-3.triage-prod-nats:6222`);
  const made = cluster.store.get({ resource: "secrets", namespace, name: "triage-prod-keys-worker" });
  expect(made?.metadata["labels"]).toMatchObject({
    "agentflow.dev/project": "triage",
    "agentflow.dev/holds": "keys",
    "app.kubernetes.io/instance": "triage-prod",
  });
});

test("a second time nothing is written", async () => {
  await prepareSecrets(options(), account("triage-prod-keys"));
  const before = all();
  const { version } = cluster.store;
  const files = await prepareSecrets(options(), account("triage-prod-keys"));
  expect(new Set(files.map(({ state }) => state))).toEqual(new Set(["kept"]));
  expect(all()).toEqual(before);
  expect(cluster.store.version).toBe(version);
});

test("what is missing is made, and what is there stays", async () => {
  await prepareSecrets(options(), account("triage-prod-keys"));
  const before = all();
  cluster.store.remove({ resource: "secrets", namespace, name: "triage-prod-keys-worker" });
  const files = await prepareSecrets(options(), account("triage-prod-keys"));
  const after = all();
  expect(after["control-plane"]).toEqual(before["control-plane"]);
  expect(after["register"]).toEqual(before["register"]);
  expect(after["worker"]).not.toEqual(before["worker"]);
  // The server must know the new one.
  expect(
    files
      .filter(({ state }) => state !== "kept")
      .map(({ file }) => file)
      .sort(),
  ).toEqual(["nats/auth.conf", "worker/worker-default.nk"]);
});

test("many at a time agree on one set of keys", async () => {
  await Promise.all([1, 2, 3, 4].map(() => prepareSecrets(options(), account("triage-prod-keys"))));
  const files = await prepareSecrets(options(), account("triage-prod-keys"));
  expect(files.filter(({ state }) => state !== "kept")).toEqual([]);
  expect(secret("register")["token"]).toBe(secret("control-plane")["token"]);
});

test("a job that was killed between two of its writes: the next one completes what it began", async () => {
  const order = ["control-plane", "nats", "worker", "register"];
  for (let written = 0; written < order.length; written++) {
    await prepareSecrets(options(), account("triage-prod-keys"));
    for (const part of order.slice(written))
      cluster.store.remove({ resource: "secrets", namespace, name: `triage-prod-keys-${part}` });
    const begun = all();
    await prepareSecrets(options(), account("triage-prod-keys"));
    // What a part may have read already stays as it is; the server's list of who may come alone is longer.
    for (const part of order.slice(0, written)) {
      const { "auth.conf": _, ...kept } = begun[part] ?? {};
      expect(secret(part)).toMatchObject(kept);
    }
    const again = await prepareSecrets(options(), account("triage-prod-keys"));
    expect(again.filter(({ state }) => state !== "kept")).toEqual([]);
    expect(secret("register")["token"]).toBe(secret("control-plane")["token"]);
    for (const name of names) cluster.store.remove({ resource: "secrets", namespace, name });
  }
});

test("an answer that is lost, whichever it was: the keys that were written are those that hold", async () => {
  for (let at = 1; at <= 4; at++) {
    let count = 0;
    cluster.faults.drop("after", (method) => method === "POST" && ++count === at);
    await prepareSecrets(options(), account("triage-prod-keys"));
    expect(count).toBeGreaterThanOrEqual(at);
    const again = await prepareSecrets(options(), account("triage-prod-keys"));
    expect(again.filter(({ state }) => state !== "kept")).toEqual([]);
    for (const name of names) cluster.store.remove({ resource: "secrets", namespace, name });
  }
});

test("another number of servers than the data's is refused", async () => {
  await prepareSecrets(options(), account("triage-prod-keys"));
  await expect(prepareSecrets(options({ servers: 1 }), account("triage-prod-keys"))).rejects.toMatchObject({
    reason: "nats_servers_changed",
  });
});

test("with a NATS that is there already it is the token alone", async () => {
  await prepareSecrets(options({ servers: 0 }), account("triage-prod-keys"));
  expect(Object.keys(secret("control-plane"))).toEqual(["token"]);
  expect(Object.keys(secret("register"))).toEqual(["token"]);
  expect(secret("nats")).toEqual({});
});

test("the rights of the release's own objects are enough, and no other account has them", async () => {
  await expect(prepareSecrets(options(), account("triage-prod"))).rejects.toMatchObject({
    code: "forbidden",
    reason: "cluster_forbids",
  });
  expect(all()).toMatchObject({ nats: {}, worker: {} });
});

test("a server that was away for a moment is asked again", async () => {
  cluster.faults.refuse(503, 2);
  await prepareSecrets(options({ servers: 0 }), account("triage-prod-keys"));
  expect(Object.keys(secret("register"))).toEqual(["token"]);
});

test("a server whose certificate nobody vouches for is told nothing", async () => {
  const other = await startTestCluster();
  try {
    const of = account("triage-prod-keys");
    const stranger = { ...of, api: { ...of.api, server: other.server } };
    await expect(prepareSecrets(options(), stranger)).rejects.toMatchObject({
      reason: "cluster_unreachable",
    });
  } finally {
    await other.stop();
  }
});

test("outside of a pod it says so, and what to do", () => {
  expect(() => clusterOfPod({}, scratch)).toThrow("--secrets is for a pod of a cluster");
  expect(() => clusterOfPod({ KUBERNETES_SERVICE_HOST: "10.0.0.1" }, scratch)).toThrow(
    "no service account's token",
  );
});
