/** How a deploy sees what changes, shown against the API server for tests: by watching, whatever ends. */
import type { JsonObject } from "@agentflow/protocol";
import { startTestCluster, type TestCluster, type TestClusterOptions } from "@agentflow/test-cluster";
import { afterEach, expect, test } from "vitest";
import { openCluster } from "../../src/kubernetes/client/index.ts";
import { Access } from "../../src/kubernetes/deploy/access.ts";
import { textAt, titleOf } from "../../src/kubernetes/deploy/reading.ts";
import { openView, type Viewing } from "../../src/kubernetes/deploy/view.ts";
import { realPace } from "../../src/kubernetes/pace.ts";

const namespace = "shop";
const labels = { "app.kubernetes.io/instance": "shop-prod" };
const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface World {
  readonly cluster: TestCluster;
  /** `list pods`, `watch pods`, as they came. */
  readonly asked: string[];
  readonly polled: string[];
  /** Called when a request comes, before it is answered. */
  onAsked: (asked: string) => void;
  open(more?: Partial<Viewing>, kubeconfig?: string): ReturnType<typeof openView>;
}

async function world(options: TestClusterOptions = {}): Promise<World> {
  const cluster = await startTestCluster(options);
  ends.push(async () => cluster.stop());
  const asked: string[] = [];
  // Asked of each request, and never true.
  cluster.faults.drop("before", (_, path) => {
    const url = new URL(path, "http://x");
    const verb = url.searchParams.get("watch") === "true" ? "watch" : "list";
    const what = `${verb} ${url.pathname.split("/").at(-1) ?? ""}`;
    asked.push(what);
    made.onAsked(what);
    return false;
  });
  cluster.writer.create("namespaces", "", {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
  });
  const polled: string[] = [];
  const made: World = {
    cluster,
    asked,
    polled,
    onAsked: () => undefined,
    open: async (more = {}, kubeconfig = cluster.kubeconfig) => {
      const limits = { waitMs: 20, firstRetryMs: 2_000, retryMs: 5_000 };
      const opened = await openCluster({ environment: {}, kubeconfig, limits });
      ends.push(() => {
        opened.close();
      });
      const view = await openView({
        access: new Access(opened, namespace),
        selector: "app.kubernetes.io/instance=shop-prod",
        pace: realPace,
        signal: new AbortController().signal,
        onPolling: (kind) => polled.push(kind),
        ...more,
      });
      ends.push(async () => view.close());
      return view;
    },
  };
  return made;
}

const pod = (name: string): JsonObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels },
  spec: { containers: [{ name: "main", image: "bb:1" }] },
});

const podsIn = (view: Awaited<ReturnType<World["open"]>>): string[] => view.seen().pods.map(titleOf);

/** Waits as a deploy does, until it is so. */
async function until(view: Awaited<ReturnType<World["open"]>>, isSo: () => boolean): Promise<void> {
  while (!isSo()) await view.change(100);
}

const lists = (asked: readonly string[]): string[] => asked.filter((one) => one.startsWith("list "));

test("a change is told by the cluster: each kind is listed once and watched once", async () => {
  const { cluster, asked, open } = await world();
  const view = await open();
  const waiting = until(view, () => podsIn(view).length === 2);
  cluster.writer.create("pods", namespace, pod("one"));
  cluster.writer.create("pods", namespace, { ...pod("other"), metadata: { name: "other" } });
  cluster.writer.create("pods", namespace, pod("two"));
  await waiting;
  expect(podsIn(view)).toEqual(["Pod/one", "Pod/two"]);
  cluster.writer.remove({ resource: "pods", namespace, name: "one" }, {});
  await until(view, () => podsIn(view).length === 1);
  const kinds = ["deployments", "statefulsets", "jobs", "replicasets", "pods", "events"];
  const wanted = kinds.flatMap((kind) => [`list ${kind}`, `watch ${kind}`]);
  expect(asked.filter((one) => kinds.some((kind) => one.endsWith(` ${kind}`))).sort()).toEqual(wanted.sort());
});

test("connections that are cut in the middle of a watch: listed again, nothing is missed", async () => {
  const { cluster, open } = await world();
  const view = await open();
  cluster.writer.create("pods", namespace, pod("one"));
  await until(view, () => podsIn(view).length === 1);
  cluster.faults.cut();
  cluster.writer.create("pods", namespace, pod("two"));
  cluster.writer.remove({ resource: "pods", namespace, name: "one" }, {});
  await until(view, () => podsIn(view).join() === "Pod/two");
});

test("a version that is forgotten (410) is listed again", async () => {
  const { cluster, asked, open, polled } = await world();
  const view = await open();
  cluster.writer.create("pods", namespace, pod("one"));
  cluster.compact();
  await until(view, () => podsIn(view).length === 1);
  expect(lists(asked).filter((one) => one === "list pods")).toHaveLength(2);
  cluster.writer.create("pods", namespace, pod("two"));
  await until(view, () => podsIn(view).length === 2);
  expect(polled).toEqual([]);
});

test("a watch that ends in order goes on from the last bookmark, without a list", async () => {
  const there = await world();
  const { cluster, asked } = there;
  const view = await there.open({ limits: { watchSeconds: 1, pollMs: 50, againMs: 5 } });
  there.onAsked = (what) => {
    if (what !== "watch pods" || asked.filter((one) => one === what).length > 1) return;
    // Once it has begun, and long before its bookmark: all versions until then are forgotten.
    setImmediate(() => {
      cluster.writer.create("configmaps", namespace, {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "other" },
      });
      cluster.compact();
    });
  };
  await until(view, () => asked.filter((one) => one === "watch pods").length >= 3);
  cluster.writer.create("pods", namespace, pod("one"));
  await until(view, () => podsIn(view).length === 1);
  expect(lists(asked).filter((one) => one === "list pods")).toHaveLength(1);
});

test("a watch that tells nothing, not even its end, is given up: then it is asked", async () => {
  const { cluster, open, polled } = await world({ bookmarkSeconds: 600 });
  const view = await open({ limits: { watchSeconds: 600, silentMs: 200, pollMs: 50 } });
  await until(view, () => polled.length === 6);
  cluster.writer.create("pods", namespace, pod("one"));
  await until(view, () => podsIn(view).length === 1);
});

test("who may list and not watch asks, and is told so once for each kind", async () => {
  const { cluster, asked, open, polled } = await world();
  const rules = [{ apiGroups: ["*"], resources: ["*"], verbs: ["get", "list"] }];
  const group = "rbac.authorization.k8s.io";
  const named = { apiVersion: `${group}/v1`, metadata: { name: "lister" } };
  cluster.writer.create(`roles.${group}`, namespace, { ...named, kind: "Role", rules });
  cluster.writer.create(`rolebindings.${group}`, namespace, {
    ...named,
    kind: "RoleBinding",
    roleRef: { apiGroup: group, kind: "Role", name: "lister" },
    subjects: [{ apiGroup: group, kind: "User", name: "ann" }],
  });
  const view = await open({ limits: { pollMs: 50 } }, cluster.userKubeconfig("ann").kubeconfig);
  cluster.writer.create("pods", namespace, pod("one"));
  await until(view, () => podsIn(view).length === 1);
  await until(view, () => polled.length === 6);
  expect(asked.filter((one) => one === "watch pods")).toHaveLength(1);
  expect(new Set(polled).size).toBe(6);
});

test("what was written is never shown as it was before", async () => {
  const { cluster, open } = await world();
  await open();
  const made = cluster.writer.create("pods", namespace, pod("one"));
  const view = await open();
  const of = { resource: "pods", namespace, name: "one" };
  cluster.writer.remove(of, { graceSeconds: 0 });
  const again = cluster.writer.create("pods", namespace, pod("one"));
  // Nobody waited yet, so nothing was watched: the view still has the one before.
  expect(view.seen().pods.map((one) => textAt(one, "metadata", "uid"))).toEqual([made.metadata.uid]);
  view.wrote(JSON.parse(JSON.stringify({ ...again, kind: "Pod" })));
  expect(view.seen().pods).toEqual([]);
  await until(view, () => podsIn(view).length === 1);
  expect(textAt(view.seen().pods[0], "metadata", "uid")).toBe(again.metadata.uid);
});

test("a cluster that is gone for good ends the wait with its error", async () => {
  const { cluster, open } = await world();
  const view = await open();
  const waiting = until(view, () => false);
  await view.change(1);
  void cluster.stop();
  await expect(waiting).rejects.toMatchObject({ code: "unavailable", reason: "cluster_unreachable" });
});
