/** What a person should know of the cluster before the suite begins: a few lines. */
import type { Cluster } from "@agentflow/cluster/kubernetes";
import type { V1Node, V1StorageClass } from "@kubernetes/client-node";

export async function clusterFacts(cluster: Cluster): Promise<readonly string[]> {
  const { context, server } = cluster.address;
  const version = await cluster.send("asking for the version", { method: "GET", path: "/version" });
  const nodes = await cluster.ask("listing nodes", ({ core }) => core.listNode());
  const classes = await storageClasses(cluster);
  const groups = await servedGroups(cluster);
  const beside = ["metrics.k8s.io", "keda.sh"].map(
    (group) => `${group}: ${groups.has(group) ? "yes" : "no"}`,
  );
  return [
    `cluster ${context} at ${server}, ${wordAt(version, "gitVersion")}; ${beside.join(", ")}`,
    ...nodes.items.map((node) => `node ${nodeText(node)}`),
    `storage classes: ${classes.map(classText).join(", ") || "none"}`,
    `names: ${await nameServers(cluster)}`,
  ];
}

export async function storageClasses(cluster: Cluster): Promise<readonly V1StorageClass[]> {
  const { StorageV1Api } = await import("@kubernetes/client-node");
  const answer = await cluster.ask("listing storage classes", async ({ config }) =>
    config.makeApiClient(StorageV1Api).listStorageClass(),
  );
  return answer.items;
}

export function isDefaultClass({ metadata }: V1StorageClass): boolean {
  return metadata?.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true";
}

/** Whether pods may be put there. */
export function isOpen({ spec, status }: V1Node): boolean {
  const ready = status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True");
  const closed = (spec?.taints ?? []).some(({ effect }) => effect !== "PreferNoSchedule");
  return ready === true && spec?.unschedulable !== true && !closed;
}

function classText(one: V1StorageClass): string {
  return `${one.metadata?.name ?? ""}${isDefaultClass(one) ? " (default)" : ""}`;
}

function nodeText(node: V1Node): string {
  const { nodeInfo, allocatable = {} } = node.status ?? {};
  const { kubeletVersion = "", containerRuntimeVersion = "", architecture = "" } = nodeInfo ?? {};
  const room = `${allocatable["cpu"] ?? "?"} cores, ${allocatable["memory"] ?? "?"}`;
  const state = isOpen(node) ? "takes pods" : "takes no pods";
  const name = node.metadata?.name ?? "";
  return `${name}: ${kubeletVersion}, ${containerRuntimeVersion}, ${architecture}, ${room}, ${state}`;
}

/** By the Service of kube-dns; a cluster may have another way, so this refuses nothing. */
async function nameServers(cluster: Cluster): Promise<string> {
  const { items } = await cluster.ask("looking for the name server", ({ core }) =>
    core.listServiceForAllNamespaces({ labelSelector: "k8s-app=kube-dns" }),
  );
  const [service] = items;
  if (service === undefined) return "no Service of kube-dns is seen; parts find each other by name";
  const { namespace = "", name = "" } = service.metadata ?? {};
  const pods = await cluster.ask("looking for the name server", ({ core }) =>
    core.listNamespacedPod({ namespace, labelSelector: "k8s-app=kube-dns" }),
  );
  const running = pods.items.filter(({ status }) => status?.phase === "Running").length;
  return `${namespace}/${name}, ${running} of ${pods.items.length} pods run`;
}

async function servedGroups(cluster: Cluster): Promise<ReadonlySet<string>> {
  const answer = await cluster.send("asking what is served", { method: "GET", path: "/apis" });
  const text = JSON.stringify(answer);
  return new Set([...text.matchAll(/"name":"([a-z0-9.-]+)"/g)].map(([, name]) => name ?? ""));
}

function wordAt(value: unknown, key: string): string {
  if (typeof value !== "object" || value === null) return "";
  return String(Object.entries(value).find(([name]) => name === key)?.[1] ?? "");
}
