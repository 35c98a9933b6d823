/** What `kubectl get pods` says of a pod: the reason that matters most, as that server picks it. */
import { at, listAt, numberAt, textAt } from "../json.ts";
import type { Json, JsonObject } from "../object.ts";

export function podState(pod: JsonObject): { ready: string; status: string; restarts: string } {
  const containers = listAt(pod, "status", "containerStatuses");
  const ready = containers.filter((one) => at(one, "ready") === true).length;
  const restarts = containers.reduce((sum: number, one) => sum + (numberAt(one, "restartCount") ?? 0), 0);
  const wanted = listAt(pod, "spec", "containers").length;
  return { ready: `${ready}/${wanted}`, status: statusOf(pod, containers), restarts: String(restarts) };
}

function statusOf(pod: JsonObject, containers: readonly Json[]): string {
  if (at(pod, "metadata", "deletionTimestamp") !== undefined) return "Terminating";
  const waitingInit = initState(listAt(pod, "status", "initContainerStatuses"));
  if (waitingInit !== undefined) return waitingInit;
  const told = containers
    .map(reasonOf)
    .filter((one) => one !== undefined)
    .at(-1);
  return told ?? textAt(pod, "status", "reason") ?? textAt(pod, "status", "phase") ?? "Unknown";
}

function initState(containers: readonly Json[]): string | undefined {
  const index = containers.findIndex((one) => numberAt(one, "state", "terminated", "exitCode") !== 0);
  if (index < 0) return undefined;
  const reason = containers[index] === undefined ? undefined : reasonOf(containers[index]);
  if (reason !== undefined && reason !== "PodInitializing") return `Init:${reason}`;
  return `Init:${index}/${containers.length}`;
}

function reasonOf(container: Json): string | undefined {
  const waiting = textAt(container, "state", "waiting", "reason");
  if (waiting !== undefined) return waiting;
  const ended = at(container, "state", "terminated");
  if (ended === undefined) return undefined;
  return textAt(ended, "reason") ?? `ExitCode:${numberAt(ended, "exitCode") ?? 0}`;
}
