/** The pods of a release, and which of them can be spoken to. */
import { AgentFlowError } from "@agentflow/protocol";
import type { V1Pod } from "@kubernetes/client-node";
import type { Cluster } from "../cluster.ts";
import { kubernetesLabels } from "../labels.ts";

/** Where an installation runs in a cluster. */
export interface InCluster {
  readonly namespace: string;
  /** Name of the release, as in the label `app.kubernetes.io/instance`. */
  readonly release: string;
}

export function labelSelector({ release }: InCluster, part?: string): string {
  const of = `${kubernetesLabels.instance}=${release},${kubernetesLabels.part}`;
  return part === undefined ? of : `${of}=${part}`;
}

/** The oldest first. */
export async function releasePods(cluster: Cluster, of: InCluster, part?: string): Promise<V1Pod[]> {
  const { items } = await cluster.ask("listing the pods", ({ core }) =>
    core.listNamespacedPod({ namespace: of.namespace, labelSelector: labelSelector(of, part) }),
  );
  return items.sort((a, b) => createdMs(a) - createdMs(b));
}

export function podName({ metadata }: V1Pod): string {
  return metadata?.name ?? "";
}

/** Without the release, which all have in common: `worker-default-0f3a2b1c4d5e-7d9f-x2x4z`. */
export function shortName(pod: V1Pod, { release }: InCluster): string {
  const name = podName(pod);
  return name.startsWith(`${release}-`) ? name.slice(release.length + 1) : name;
}

export function labelOf({ metadata }: V1Pod, label: string): string {
  return metadata?.labels?.[label] ?? "";
}

function createdMs({ metadata }: V1Pod): number {
  return metadata?.creationTimestamp?.getTime() ?? 0;
}

export function isReady({ metadata, status }: V1Pod): boolean {
  if (metadata?.deletionTimestamp !== undefined) return false;
  return status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;
}

/** What a pod does, in a few words: `Running`, `CrashLoopBackOff`, `Terminating`. */
export function podState({ metadata, status }: V1Pod): string {
  if (metadata?.deletionTimestamp !== undefined) return "Terminating";
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  for (const { state, ready } of all) {
    const waiting = state?.waiting?.reason;
    if (waiting !== undefined && waiting !== "PodInitializing" && waiting !== "ContainerCreating")
      return waiting;
    const { exitCode, reason } = state?.terminated ?? {};
    if (!ready && exitCode !== undefined && exitCode !== 0) return reason ?? `ended with ${exitCode}`;
  }
  return status?.reason ?? status?.phase ?? "Unknown";
}

/** Why, where the cluster says it: of a container that waits, or of a pod that no node takes. */
export function podWhy({ status }: V1Pod): string {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const waiting = all.map(({ state }) => state?.waiting?.message).find((message) => message !== undefined);
  const unscheduled = status?.conditions?.find(
    ({ type, status: is }) => type === "PodScheduled" && is === "False",
  );
  return waiting ?? unscheduled?.message ?? status?.message ?? "";
}

/** A control plane that is ready; refuses with the state of those that are not. */
export async function readyControlPlane(cluster: Cluster, of: InCluster): Promise<V1Pod> {
  const pods = await releasePods(cluster, of, "control-plane");
  const ready = pods.find(isReady);
  if (ready !== undefined) return ready;
  const { context } = cluster.address;
  const { namespace, release } = of;
  const inspect = `kubectl --context ${context} -n ${namespace}`;
  const states = pods.map((pod) => {
    const why = podWhy(pod);
    return `${podName(pod)} is ${podState(pod)}${why === "" ? "" : ` (${why})`}`;
  });
  const message =
    pods.length === 0
      ? `no control plane of ${release} runs in ${namespace} of ${context}`
      : `no control plane of ${release} is ready: ${states.join("; ").slice(0, 1_000)}`;
  throw new AgentFlowError("unavailable", message, {
    reason: pods.length === 0 ? "not_up" : "not_ready",
    details: { context, namespace, release, pods: pods.map((pod) => `${podName(pod)}: ${podState(pod)}`) },
    suggestions:
      pods.length === 0
        ? [
            `is it there: ${inspect} get deployments -l ${kubernetesLabels.instance}=${release}`,
            "af deploy TARGET",
          ]
        : [`what happens: ${inspect} describe pod ${podName(pods.at(-1) ?? {})}`, "what it prints: af logs"],
  });
}
