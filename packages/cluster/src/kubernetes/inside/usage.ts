/** The pods of a release as they are now, with what they use where the cluster measures it. */
import { AgentFlowError, type Json, type JsonObject } from "@agentflow/protocol";
import type { V1Pod } from "@kubernetes/client-node";
import type { Cluster } from "../cluster.ts";
import { kubernetesLabels } from "../labels.ts";
import { realPace } from "../pace.ts";
import {
  type InCluster,
  isReady,
  labelOf,
  labelSelector,
  podName,
  podState,
  podWhy,
  releasePods,
  shortName,
} from "./release-pods.ts";
import { quantity } from "./quantity.ts";

export interface SeenPod {
  readonly name: string;
  /** Without the release. */
  readonly short: string;
  readonly id: string;
  readonly part: string;
  readonly build: string;
  readonly image: string;
  readonly node: string;
  readonly state: string;
  /** Why it is in that state, where the cluster says it. */
  readonly why: string;
  readonly ready: boolean;
  readonly restarts: number;
  /** When it was started; nothing before that. */
  readonly since?: string;
  /** Of one processor. */
  readonly cpuPercent?: number;
  readonly memoryBytes?: number;
  readonly memoryLimitBytes?: number;
}

export interface SeenPods {
  readonly pods: readonly SeenPod[];
  /** Why nothing is known of processors and memory. */
  readonly unmeasured?: string;
}

export async function seePods(cluster: Cluster, of: InCluster): Promise<SeenPods> {
  const [pods, used] = await Promise.all([releasePods(cluster, of), usageOf(cluster, of)]);
  if (typeof used === "string")
    return { pods: pods.map((pod) => seen(pod, of, undefined)), unmeasured: used };
  return { pods: pods.map((pod) => seen(pod, of, used.get(podName(pod)))) };
}

const measureMs = 2_000;

interface Used {
  readonly cpuPercent: number;
  readonly memoryBytes: number;
}

function seen(pod: V1Pod, of: InCluster, used: Used | undefined): SeenPod {
  const { metadata, spec, status } = pod;
  const [container] = spec?.containers ?? [];
  // A broker stands beside its worker for as long as that one does.
  const beside = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const lasting = [...(spec?.containers ?? []), ...beside];
  const names = new Set(lasting.map((one) => one.name));
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const statuses = all.filter((one) => names.has(one.name));
  const limits = lasting.map(({ resources }) => quantity(resources?.limits?.["memory"]));
  const limit = limits.reduce(
    (sum, one) => (sum === undefined || one === undefined ? undefined : sum + one),
    0,
  );
  const since = status?.startTime?.toISOString();
  return {
    name: podName(pod),
    short: shortName(pod, of),
    id: metadata?.uid ?? "",
    part: labelOf(pod, kubernetesLabels.part),
    build: labelOf(pod, kubernetesLabels.build),
    image: container?.image ?? "",
    node: spec?.nodeName ?? "",
    state: podState(pod),
    why: podWhy(pod),
    ready: isReady(pod),
    restarts: statuses.reduce((sum, { restartCount }) => sum + restartCount, 0),
    ...(since === undefined ? {} : { since }),
    ...used,
    ...(limit === undefined ? {} : { memoryLimitBytes: limit }),
  };
}

/** What pods use, or why that is not known. */
async function usageOf(cluster: Cluster, of: InCluster): Promise<ReadonlyMap<string, Used> | string> {
  const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${encodeURIComponent(of.namespace)}/pods`;
  const over = new AbortController();
  try {
    const asked = cluster.send("asking what pods use", {
      method: "GET",
      path,
      query: { labelSelector: labelSelector(of) },
    });
    // One that is registered and broken is asked again and again: nobody waits for that.
    const answer = await Promise.race([asked, realPace.wait(measureMs, over.signal).then(() => null)]);
    if (answer === null)
      return `what pods use is not known: metrics.k8s.io does not answer within ${measureMs / 1_000} s`;
    const items = isObject(answer) && Array.isArray(answer["items"]) ? answer["items"] : [];
    return new Map(items.filter(isObject).map((item) => [nameOf(item), usedBy(item)]));
  } catch (error) {
    const { code, message } = AgentFlowError.from(error, "asking what pods use");
    const why =
      code === "not_found"
        ? "the cluster serves no metrics.k8s.io (metrics-server is not installed)"
        : code === "forbidden"
          ? "you may not list pods in metrics.k8s.io"
          : message;
    return `what pods use is not known: ${why}`;
  } finally {
    over.abort();
  }
}

function nameOf(item: JsonObject): string {
  const { metadata } = item;
  return isObject(metadata) && typeof metadata["name"] === "string" ? metadata["name"] : "";
}

function usedBy({ containers }: JsonObject): Used {
  let [cpu, memory] = [0, 0];
  for (const container of Array.isArray(containers) ? containers.filter(isObject) : []) {
    const { usage } = container;
    if (!isObject(usage)) continue;
    cpu += quantity(usage["cpu"]) ?? 0;
    memory += quantity(usage["memory"]) ?? 0;
  }
  return { cpuPercent: cpu * 100, memoryBytes: memory };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
