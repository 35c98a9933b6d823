/** The status of a pod, from what its containers do. */
import type { Condition, Pod, PodStatus } from "../world/parse-kinds.ts";
import { conditionOf } from "../world/pods-state.ts";
import { type ContainerRecord, statusOf } from "./container-record.ts";

export interface PodFacts {
  readonly scheme: string;
  readonly hostAddress: string;
  readonly address: string | undefined;
  readonly startedAt: string;
  readonly records: readonly ContainerRecord[];
  /** Its containers have ended for good: the phase may say so. */
  readonly settled: boolean;
  readonly initialized: boolean;
  /** It is being ended: nothing is started again. */
  readonly ending: boolean;
  readonly failure?: { readonly reason: string; readonly message: string } | undefined;
}

export function podStatus(pod: Pod, facts: PodFacts, stamp: string): PodStatus {
  const { records, scheme, address, hostAddress } = facts;
  const outcome = phaseOf(pod, facts);
  const phase = isEnd(outcome) && !facts.settled ? "Running" : outcome;
  const { generation } = pod.metadata;
  const init = records.filter((record) => record.init).map((record) => statusOf(record, scheme));
  return {
    ...pod.status,
    observedGeneration: generation,
    phase,
    conditions: conditionsOf(pod, { facts, outcome, phase }, stamp),
    ...(facts.failure !== undefined && facts.failure),
    hostIP: hostAddress,
    hostIPs: [{ ip: hostAddress }],
    podIP: address,
    podIPs: address === undefined ? undefined : [{ ip: address }],
    startTime: facts.startedAt,
    initContainerStatuses: init.length > 0 ? init : undefined,
    containerStatuses: records.filter((record) => !record.init).map((record) => statusOf(record, scheme)),
  };
}

function isEnd(phase: string): boolean {
  return phase === "Succeeded" || phase === "Failed";
}

function phaseOf(pod: Pod, { records, initialized, ending, failure }: PodFacts): string {
  if (failure !== undefined) return "Failed";
  const main = records.filter((record) => !record.init);
  const policy = pod.spec.restartPolicy ?? "Always";
  if (!initialized) {
    const failed = records.some((one) => one.init && (one.state.terminated?.exitCode ?? 0) !== 0);
    return failed && (policy === "Never" || ending) ? "Failed" : "Pending";
  }
  const ended = main.map((one) => one.state.terminated ?? (one.state.waiting && one.lastState.terminated));
  if (main.some((one, index) => one.state.waiting !== undefined && ended[index] === undefined)) {
    return "Pending";
  }
  if (main.some((one) => one.state.running !== undefined)) return "Running";
  if (policy === "Always" && !ending) return "Running";
  if (ended.every((one) => one?.exitCode === 0)) return "Succeeded";
  return policy === "OnFailure" && !ending ? "Running" : "Failed";
}

interface Outcome {
  readonly facts: PodFacts;
  readonly outcome: string;
  readonly phase: string;
}

function conditionsOf(pod: Pod, { facts, outcome, phase }: Outcome, stamp: string): Condition[] {
  const { records, initialized, address, settled } = facts;
  const names = (of: readonly ContainerRecord[]) => `[${of.map((one) => one.container.name).join(" ")}]`;
  const lasting = records.filter((record) => !record.init || record.container.restartPolicy === "Always");
  const unready = lasting.filter((record) => !record.ready);
  const open = records.filter(
    (record) => record.init && record.state.terminated?.exitCode !== 0 && !record.ready,
  );
  const made = (type: string, holds: boolean, why?: { reason: string; message?: string }): Condition => ({
    type,
    observedGeneration: pod.metadata.generation,
    status: holds ? "True" : "False",
    lastProbeTime: null,
    lastTransitionTime: stamp,
    ...why,
  });
  const completed = outcome === "Succeeded" ? { reason: "PodCompleted" } : undefined;
  const waits = `containers with unready status: ${names(unready)}`;
  const notReady =
    completed ??
    (outcome === "Failed" ? { reason: "PodFailed" } : { reason: "ContainersNotReady", message: waits });
  const ready = unready.length === 0 && initialized && !isEnd(phase);
  const incomplete = {
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: ${names(open)}`,
  };
  const fresh = [
    made("PodReadyToStartContainers", address !== undefined && !settled),
    made("Initialized", initialized, initialized ? completed : incomplete),
    made("Ready", ready, ready ? undefined : notReady),
    made("ContainersReady", ready, ready ? undefined : notReady),
  ];
  const scheduled = conditionOf(pod.status?.conditions, "PodScheduled");
  const others = (pod.status?.conditions ?? []).filter(
    (one) => one.type !== "PodScheduled" && !fresh.some((made) => made.type === one.type),
  );
  return [
    ...fresh.map((one) => since(one, pod.status?.conditions)),
    ...(scheduled === undefined ? [] : [{ ...scheduled, observedGeneration: pod.metadata.generation }]),
    ...others,
  ];
}

function since(condition: Condition, before: readonly Condition[] | undefined): Condition {
  const known = conditionOf(before, condition.type);
  if (known?.status !== condition.status || known.lastTransitionTime === undefined) return condition;
  return { ...condition, lastTransitionTime: known.lastTransitionTime };
}
