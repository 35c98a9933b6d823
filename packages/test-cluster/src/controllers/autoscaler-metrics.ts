/** What an autoscaler measures: the PodMetrics that a test has put. Nobody serves external metrics. */
import type { Store } from "../store.ts";
import { type Autoscaler, type Pod, parseAny, parseObject } from "../world/parse-kinds.ts";
import { quantity } from "../world/quantity.ts";
import type { World } from "../world/world.ts";

export type Measured =
  | { readonly fault: string; readonly reason: string; readonly event: string }
  | { readonly ratio: number; readonly name: string; readonly current: unknown };

const metrics = "pods.metrics.k8s.io";

export interface PodUse {
  readonly namespace: string;
  readonly pod: string;
  readonly container?: string;
  /** As in `250m`. */
  readonly cpu: string;
  readonly memory?: string;
}

/** What `kubectl top` and autoscalers then read of this pod. */
export function putPodMetrics(store: Store, use: PodUse): void {
  const { namespace, pod, container = "main", cpu, memory = "16Mi" } = use;
  store.put(
    { resource: metrics, namespace, name: pod },
    {
      apiVersion: "metrics.k8s.io/v1beta1",
      kind: "PodMetrics",
      metadata: { name: pod, namespace },
      timestamp: new Date().toISOString(),
      window: "15s",
      containers: [{ name: container, usage: { cpu, memory } }],
    },
  );
}

export function measure(world: World, autoscaler: Autoscaler, pods: readonly Pod[]): Measured {
  const [metric] = autoscaler.spec.metrics ?? [];
  if (metric?.external !== undefined) return external(autoscaler, metric.external.metric.name);
  const name = metric?.resource?.name ?? "cpu";
  const target = metric?.resource?.target ?? { type: "Utilization", averageUtilization: 80 };
  const used = pods.map((pod) => usedBy(world, pod, name));
  const known = used.filter((one) => one !== undefined);
  const utilised = target.type === "Utilization";
  const what = utilised ? `${name} utilization` : `${name} usage`;
  if (known.length === 0) {
    const why = `unable to get metrics for resource ${name}: no metrics returned from resource metrics API`;
    return failed("FailedGetResourceMetric", `failed to get ${what}: ${why}`);
  }
  const average = known.reduce((sum, one) => sum + one, 0) / known.length;
  const value = { averageValue: textOf(average, name) };
  if (!utilised) {
    const ratio = average / quantity(target.averageValue ?? "1");
    const current = [{ type: "Resource", resource: { name, current: value } }];
    return { ratio, name: `${name} resource`, current };
  }
  const without = pods.flatMap((pod) =>
    pod.spec.containers
      .filter((one) => one.resources?.requests?.[name] === undefined)
      .map((one) => `container ${one.name} of Pod ${pod.metadata.name}`),
  )[0];
  if (without !== undefined) {
    const why = `missing request for ${name} in ${without}`;
    return failed("FailedGetResourceMetric", `failed to get ${what}: ${why}`);
  }
  const asked = pods.reduce((sum, pod) => sum + requestOf(pod, name), 0) / pods.length;
  const percent = Math.floor((average / asked) * 100);
  const current = [
    { type: "Resource", resource: { name, current: { ...value, averageUtilization: percent } } },
  ];
  const label = `${name} resource utilization (percentage of request)`;
  return { ratio: percent / (target.averageUtilization ?? 80), name: label, current };
}

function failed(reason: string, fault: string): Measured {
  return { reason, fault, event: fault };
}

function external(autoscaler: Autoscaler, name: string): Measured {
  const { namespace = "" } = autoscaler.metadata;
  const fault =
    `unable to get external metric ${namespace}/${name}/nil: ` +
    "unable to fetch metrics from external metrics API: " +
    `the server could not find the requested resource (get ${name}.external.metrics.k8s.io)`;
  return failed("FailedGetExternalMetric", fault);
}

function usedBy(world: World, pod: Pod, name: string): number | undefined {
  const { namespace = "" } = pod.metadata;
  const found = world.store.get({ resource: metrics, namespace, name: pod.metadata.name });
  const containers = found === undefined ? undefined : parseAny(found);
  if (containers === undefined) return undefined;
  const list = parseObject(containers)["containers"];
  if (!Array.isArray(list)) return undefined;
  return list.reduce<number>((sum, one) => sum + usageOf(one, name), 0);
}

function usageOf(container: unknown, name: string): number {
  const usage = parseObject(container)["usage"];
  const value = parseObject(usage ?? {})[name];
  return typeof value === "string" ? quantity(value) : 0;
}

function requestOf(pod: Pod, name: string): number {
  return pod.spec.containers.reduce((sum, one) => sum + quantity(one.resources?.requests?.[name] ?? "0"), 0);
}

function textOf(value: number, name: string): string {
  return name === "cpu" ? `${Math.ceil(value * 1000)}m` : String(Math.ceil(value));
}
