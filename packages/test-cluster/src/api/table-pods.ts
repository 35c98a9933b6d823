/** What `kubectl get pods` says of a pod: the reason that matters most, as that server picks it. */
import { at, listAt, numberAt, textAt } from "../json.ts";
import type { Json, JsonObject } from "../object.ts";

export function podState(pod: JsonObject): { ready: string; status: string; restarts: string } {
  const containers = listAt(pod, "status", "containerStatuses");
  const init = listAt(pod, "status", "initContainerStatuses");
  const beside = namesBeside(pod);
  const lasting = [...init.filter((one) => beside.has(textAt(one, "name"))), ...containers];
  const ready = lasting.filter((one) => at(one, "ready") === true).length;
  const restarts = lasting.reduce((sum: number, one) => sum + (numberAt(one, "restartCount") ?? 0), 0);
  const wanted = listAt(pod, "spec", "containers").length + beside.size;
  const before = init.filter((one) => !beside.has(textAt(one, "name")) || at(one, "started") !== true);
  const place = { before, first: init.length - before.length, all: init.length };
  return {
    ready: `${ready}/${wanted}`,
    status: statusOf(pod, containers, place),
    restarts: String(restarts),
  };
}

/** Of init containers that go on beside the others. */
function namesBeside(pod: JsonObject): ReadonlySet<string | undefined> {
  const init = listAt(pod, "spec", "initContainers");
  return new Set(
    init.filter((one) => textAt(one, "restartPolicy") === "Always").map((one) => textAt(one, "name")),
  );
}

interface Init {
  /** Those that the pod waits for, or that have ended. */
  readonly before: readonly Json[];
  readonly first: number;
  readonly all: number;
}

function statusOf(pod: JsonObject, containers: readonly Json[], init: Init): string {
  if (at(pod, "metadata", "deletionTimestamp") !== undefined) return "Terminating";
  const waitingInit = initState(init);
  if (waitingInit !== undefined) return waitingInit;
  const told = containers
    .map(reasonOf)
    .filter((one) => one !== undefined)
    .at(-1);
  return told ?? textAt(pod, "status", "reason") ?? textAt(pod, "status", "phase") ?? "Unknown";
}

function initState({ before: containers, first, all }: Init): string | undefined {
  const index = containers.findIndex((one) => numberAt(one, "state", "terminated", "exitCode") !== 0);
  if (index < 0) return undefined;
  const reason = containers[index] === undefined ? undefined : reasonOf(containers[index]);
  if (reason !== undefined && reason !== "PodInitializing") return `Init:${reason}`;
  return `Init:${first + index}/${all}`;
}

function reasonOf(container: Json): string | undefined {
  const waiting = textAt(container, "state", "waiting", "reason");
  if (waiting !== undefined) return waiting;
  const ended = at(container, "state", "terminated");
  if (ended === undefined) return undefined;
  return textAt(ended, "reason") ?? `ExitCode:${numberAt(ended, "exitCode") ?? 0}`;
}
