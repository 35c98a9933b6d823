/** Endpoints of Services: the addresses of their ready pods. */
import type { ObjectEvent, ObjectKey } from "../store.ts";
import type { Controller } from "../world/loop.ts";
import { type Pod, type Service, parseKind, parseObject } from "../world/parse-kinds.ts";
import { isActive, isReady } from "../world/pods-state.ts";
import { hasLabels } from "../world/selectors.ts";
import { get, list, type World } from "../world/world.ts";

export function endpoints(world: World): Controller {
  return {
    name: "endpoints",
    concerns: (event) => concerned(world, event),
    reconcile: (key) => reconcile(world, key),
  };
}

function concerned(world: World, event: ObjectEvent): ObjectKey[] {
  if (event.key.resource === "services") return [event.key];
  if (event.key.resource !== "pods") return [];
  const { labels } = parseKind("pods", event.object).metadata;
  return list(world.store, "services", event.key.namespace)
    .filter((service) => service.spec.selector !== undefined && hasLabels(service.spec.selector, labels))
    .map(({ metadata }) => ({ ...event.key, resource: "services", name: metadata.name }));
}

/** Pods that a Service leads to. */
export function backendsOf(world: Pick<World, "store">, service: Service): Pod[] {
  const { selector, publishNotReadyAddresses } = service.spec;
  if (selector === undefined) return [];
  return list(world.store, "pods", service.metadata.namespace)
    .filter((pod) => hasLabels(selector, pod.metadata.labels) && isActive(pod))
    .filter((pod) => pod.status?.podIP !== undefined)
    .filter((pod) => publishNotReadyAddresses === true || isReady(pod));
}

function reconcile(world: World, key: ObjectKey): undefined {
  const service = get(world.store, "services", key);
  const at = { ...key, resource: "endpoints" };
  if (service === undefined) {
    world.store.remove(at);
    return;
  }
  if (service.spec.selector === undefined) return;
  const pods = backendsOf(world, service);
  const before = world.store.get(at);
  const addresses = pods.map((pod) => ({
    ip: pod.status?.podIP,
    nodeName: pod.spec.nodeName,
    targetRef: {
      kind: "Pod",
      namespace: pod.metadata.namespace,
      name: pod.metadata.name,
      uid: pod.metadata.uid,
    },
  }));
  const ports = (service.spec.ports ?? []).map((port) => ({
    ...(port.name !== undefined && { name: port.name }),
    port: targetPort(pods[0], port),
    protocol: port.protocol ?? "TCP",
  }));
  const subsets = addresses.length > 0 ? [{ addresses, ports }] : undefined;
  world.store.put(
    at,
    parseObject({
      ...before,
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: {
        ...before?.metadata,
        name: key.name,
        namespace: key.namespace,
        labels: service.metadata.labels,
      },
      subsets,
    }),
  );
}

/** A port by name is the pod's own. */
export function targetPort(
  pod: Pod | undefined,
  port: { readonly port: number; readonly targetPort?: number | string },
): number {
  const target = port.targetPort ?? port.port;
  if (typeof target === "number") return target;
  const named = pod?.spec.containers.flatMap((one) => one.ports ?? []).find((one) => one.name === target);
  return named?.containerPort ?? port.port;
}
