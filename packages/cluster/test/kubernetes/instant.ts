/** A cluster in which everything that is applied is ready at once: for hundreds of deploys. */
import { startTestCluster, type TestCluster } from "@agentflow/test-cluster";
import type { JsonObject, ObjectKey } from "@agentflow/test-cluster";

/** What becomes of a workload: `fails`, as a Job whose pod was evicted; `hangs`, as without a node. */
export type Fate = "ready" | "fails" | "hangs";

export async function startInstantCluster(
  fateOf: (key: ObjectKey) => Fate = () => "ready",
): Promise<TestCluster> {
  const cluster = await startTestCluster({ pods: "none" });
  const { store } = cluster;
  store.subscribe(({ type, key }) => {
    if (type === "DELETED") return;
    // Behind the write: as a controller that learns of it.
    setImmediate(() => settle(cluster, key, fateOf(key)));
  });
  return cluster;
}

function settle({ store }: TestCluster, key: ObjectKey, fate: Fate): void {
  const object = store.get(key);
  if (object === undefined) return;
  const { deletionTimestamp, finalizers } = object.metadata;
  if (deletionTimestamp !== undefined && Array.isArray(finalizers)) return void store.remove(key);
  const status = fate === "hangs" ? undefined : statusOf(key, object, fate === "fails");
  if (status === undefined || JSON.stringify(object["status"]) === JSON.stringify(status)) return;
  store.put(key, { ...object, status });
}

function statusOf(key: ObjectKey, { metadata, spec }: JsonObject, spoiled: boolean): JsonObject | undefined {
  const condition = (type: string): JsonObject => ({ type, status: "True", reason: "Instant", message: "" });
  if (key.resource === "jobs.batch")
    return { conditions: [condition(spoiled ? "Failed" : "Complete")], ...(spoiled ? {} : { succeeded: 1 }) };
  if (key.resource !== "deployments.apps" && key.resource !== "statefulsets.apps") return undefined;
  const replicas = numberOf(spec, "replicas");
  const ready = spoiled ? 0 : replicas;
  const shared = {
    observedGeneration: numberOf(metadata, "generation"),
    replicas,
    updatedReplicas: replicas,
  };
  return { ...shared, readyReplicas: ready, availableReplicas: ready };
}

function numberOf(value: unknown, key: string): number {
  const found = Object.entries(typeof value === "object" && value !== null ? value : {});
  const [, number] = found.find(([name]) => name === key) ?? [];
  return typeof number === "number" ? number : 1;
}
