/** What pods use, as metrics-server gathers it: every 15 seconds of the cluster, from those who run them. */
import { textAt } from "../json.ts";
import type { Use } from "../runtime/runtime.ts";
import type { World } from "../world/world.ts";
import type { PodWorker } from "./pod-worker.ts";

const everySeconds = 15;
const resource = "pods.metrics.k8s.io";

/** Answers with what ends it. */
export function measurePods(world: World, pods: () => readonly PodWorker[]): () => void {
  const before = new Map<string, Use>();
  let stopped = false;
  let cancel = (): void => undefined;
  const look = async (): Promise<void> => {
    const all = pods();
    const told = await Promise.all(all.map((worker) => measured(worker, before)));
    if (stopped) return;
    forget(world, all);
    for (const metrics of told) {
      if (metrics === undefined) continue;
      const { name, namespace = "" } = metrics.metadata;
      world.store.put({ resource, namespace, name }, metrics);
    }
    cancel = world.time.after(everySeconds, () => void look());
  };
  cancel = world.time.after(everySeconds, () => void look());
  return () => {
    stopped = true;
    cancel();
  };
}

/** Nothing of a pod before its containers were looked at twice. */
async function measured({ pod, records }: PodWorker, before: Map<string, Use>) {
  const looked = await Promise.all(
    records.map(async ({ container, running }) => {
      if (running === undefined) return undefined;
      const now = await running.use();
      const last = before.get(running.id);
      if (now === undefined) return undefined;
      before.set(running.id, now);
      return last === undefined ? undefined : { name: container.name, now, last };
    }),
  );
  const known = looked.filter((one) => one !== undefined);
  const [first] = known;
  if (first === undefined) return undefined;
  const { name, namespace, labels } = pod.metadata;
  const timestamp = new Date(first.now.atMs).toISOString();
  return {
    apiVersion: "metrics.k8s.io/v1beta1",
    kind: "PodMetrics",
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(labels !== undefined && { labels }),
    },
    timestamp,
    window: `${((first.now.atMs - first.last.atMs) / 1_000).toFixed(3)}s`,
    containers: known.map(({ name: of, now, last }) => ({ name: of, usage: usageOf(now, last) })),
  };
}

function usageOf(now: Use, last: Use): { readonly cpu: string; readonly memory: string } {
  const nanos = (now.cpuNanos - last.cpuNanos) / Math.max(0.001, (now.atMs - last.atMs) / 1_000);
  return { cpu: `${Math.max(0, Math.round(nanos))}n`, memory: `${Math.round(now.memoryBytes / 1_024)}Ki` };
}

/** A pod that has gone uses nothing. */
function forget({ store }: World, pods: readonly PodWorker[]): void {
  const here = new Set(pods.map(({ pod }) => `${pod.metadata.namespace}/${pod.metadata.name}`));
  for (const metrics of store.list(resource)) {
    const { name } = metrics.metadata;
    const namespace = textAt(metrics, "metadata", "namespace") ?? "";
    if (!here.has(`${namespace}/${name}`)) store.remove({ resource, namespace, name });
  }
}
