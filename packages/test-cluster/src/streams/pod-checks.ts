/** What is looked up before anything of a pod is reached: the pod, its node, its container. */
import type { KubeObject } from "../object.ts";
import type { PodCall } from "../api/pod-doors.ts";
import { badRequest, notFound, StatusError } from "../api/status.ts";
import { type ContainerStatus, type Pod, parseKind } from "../world/parse-kinds.ts";

export function podOf(call: PodCall): Pod {
  const found: KubeObject | undefined = call.pod;
  if (found === undefined) throw notFound({ group: "", plural: "pods", kind: "Pod" }, call.name);
  return parseKind("pods", found);
}

export function onNode(pod: Pod): void {
  if (pod.spec.nodeName === undefined || pod.spec.nodeName === "") {
    throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  }
}

/** The one that was asked for, else the only one, or the one that the pod names as its default. */
export function containerOf(pod: Pod, asked: string | null): string {
  const own = pod.spec.containers.map((one) => one.name);
  const all = [...(pod.spec.initContainers ?? []).map((one) => one.name), ...own];
  const { name } = pod.metadata;
  if (asked !== null && asked !== "") {
    if (!all.includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${name}`);
    return asked;
  }
  const first = own[0];
  if (own.length === 1 && first !== undefined) return first;
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${own.join(" ")}]`);
}

export function statusOfContainer(pod: Pod, container: string): ContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses].find((one) => one.name === container);
}

export function isRunning(pod: Pod, container: string): void {
  if (statusOfContainer(pod, container)?.state.running !== undefined) return;
  const phase = pod.status?.phase ?? "";
  if (phase === "Succeeded" || phase === "Failed") {
    throw badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`);
  }
  const message = `unable to upgrade connection: container not found ("${container}")`;
  throw new StatusError(500, "InternalError", `Internal error occurred: ${message}`, {
    causes: [{ message }],
  });
}
