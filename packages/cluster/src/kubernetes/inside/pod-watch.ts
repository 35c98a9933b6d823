/** The pods of a release as they come, change and go: read once, then followed; anew when that breaks. */
import type { V1Pod } from "@kubernetes/client-node";
import type { Cluster } from "../cluster.ts";
import { type Pace, realPace } from "../pace.ts";
import { type InCluster, labelSelector } from "./release-pods.ts";

export interface PodWatching {
  readonly signal: AbortSignal;
  /** A pod that is there, at first and after each change. Times are texts in those that are followed. */
  readonly onPod: (pod: V1Pod) => void;
  readonly pace?: Pace;
}

const againMs = 1_000;

/** Until the signal. A cluster that does not answer is asked again. */
export async function watchPods(cluster: Cluster, of: InCluster, watching: PodWatching): Promise<void> {
  const { signal, onPod, pace = realPace } = watching;
  while (!signal.aborted) {
    try {
      const { items, metadata } = await cluster.ask("listing the pods", ({ core }) =>
        core.listNamespacedPod({ namespace: of.namespace, labelSelector: labelSelector(of) }),
      );
      if (isAborted(signal)) return;
      for (const pod of items) onPod(pod);
      await changes(cluster, { ...of, from: metadata?.resourceVersion ?? "", signal, onPod });
    } catch {
      // The next list says what happened meanwhile.
    }
    if (!isAborted(signal)) await pace.wait(againMs, signal).catch(() => undefined);
  }
}

interface Changes extends InCluster {
  readonly from: string;
  readonly signal: AbortSignal;
  readonly onPod: (pod: V1Pod) => void;
}

/** Resolves when the watch ends, whyever. */
async function changes(cluster: Cluster, { from, signal, onPod, ...of }: Changes): Promise<void> {
  const { Watch } = await import("@kubernetes/client-node");
  const path = `/api/v1/namespaces/${encodeURIComponent(of.namespace)}/pods`;
  const query = { labelSelector: labelSelector(of), resourceVersion: from, allowWatchBookmarks: true };
  await new Promise<void>((resolve) => {
    let over: AbortController | undefined;
    const end = (): void => {
      signal.removeEventListener("abort", end);
      over?.abort();
      resolve();
    };
    signal.addEventListener("abort", end, { once: true });
    const onEvent = (type: string, pod: V1Pod): void => {
      if (type === "ADDED" || type === "MODIFIED") onPod(pod);
      // Too old a version: the list is read anew.
      else if (type === "ERROR") end();
    };
    // A plugin that gives no token throws before anything is asked.
    new Watch(cluster.config).watch(path, query, onEvent, end).then((controller) => {
      over = controller;
      if (signal.aborted) end();
    }, end);
  });
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
