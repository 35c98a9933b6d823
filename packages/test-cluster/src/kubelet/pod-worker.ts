/** One pod's life on the node. */
import type { Sandbox } from "../runtime/runtime.ts";
import { type Pod, parseObject } from "../world/parse-kinds.ts";
import { change, get } from "../world/world.ts";
import { type ContainerRecord, containerRecord } from "./container-record.ts";
import { endContainer } from "./container-end.ts";
import type { PodContext } from "./container-context.ts";
import { runContainer } from "./container-worker.ts";
import { ConfigError } from "./environment.ts";
import type { KubeletOptions } from "./kubelet-options.ts";
import { type PodFacts, podStatus } from "./pod-status.ts";
import { aborted, sleep } from "./stop-signal.ts";
import { volumesOf } from "./volumes.ts";

export interface PodWorker {
  readonly uid: string;
  record(container: string): ContainerRecord | undefined;
  readonly records: readonly ContainerRecord[];
  /** As it was when it came here. */
  readonly pod: Pod;
  readonly sandbox: () => Sandbox | undefined;
  /** The pod is to go: its object says so, or has gone. */
  stop(): void;
  readonly done: Promise<void>;
}

const syncSeconds = 12;

export function startPod(options: KubeletOptions, first: Pod): PodWorker {
  const { world } = options;
  const { namespace = "", name, uid } = first.metadata;
  const stopping = new AbortController();
  const init = first.spec.initContainers ?? [];
  const waitsFor = init.length > 0 ? "PodInitializing" : "ContainerCreating";
  const records = [
    ...init.map((one) => containerRecord(one, true, "PodInitializing")),
    ...first.spec.containers.map((one) => containerRecord(one, false, waitsFor)),
  ];
  const live: Live = {
    options,
    records,
    sandbox: undefined,
    initialized: init.length === 0,
    settled: false,
    failure: undefined,
    startedAt: world.time.stamp(),
    stop: stopping.signal,
    pod: () => {
      const now = get(world.store, "pods", { namespace, name });
      return now?.metadata.uid === uid
        ? now
        : { ...first, metadata: { ...first.metadata, deletionGracePeriodSeconds: 0 } };
    },
  };
  const done = runPod(live).catch((error: unknown) => {
    // A fault of this package: it must not pass for one of the pod.
    live.failure = {
      reason: "KubeletError",
      message: error instanceof Error ? `${error.stack}` : String(error),
    };
    publish(live);
  });
  return {
    uid,
    pod: first,
    records,
    record: (container) => records.find((one) => one.container.name === container),
    sandbox: () => live.sandbox,
    stop: () => stopping.abort(),
    done,
  };
}

interface Live {
  readonly options: KubeletOptions;
  readonly records: readonly ContainerRecord[];
  sandbox: Sandbox | undefined;
  initialized: boolean;
  settled: boolean;
  failure: PodFacts["failure"];
  readonly startedAt: string;
  readonly stop: AbortSignal;
  readonly pod: () => Pod;
}

async function runPod(live: Live): Promise<void> {
  publish(live);
  const sandbox = await prepare(live);
  if (sandbox !== undefined) {
    live.sandbox = sandbox;
    publish(live);
    const context = contextOf(live, sandbox);
    const ending = aborted(live.stop).then(() => endAll(live, context));
    const deadline = watchDeadline(live);
    await runContainers(live, context);
    deadline();
    if (live.stop.aborted || live.failure !== undefined) await ending;
    await sandbox.remove();
  }
  live.settled = true;
  if (live.stop.aborted) for (const record of live.records) settle(live, record);
  publish(live);
  if (!live.stop.aborted || live.failure !== undefined) await gone(live);
  finish(live);
}

/** Ended by itself: it stays as an object until somebody deletes it. */
async function gone(live: Live): Promise<void> {
  await live.options.removed(live.pod());
}

function settle(live: Live, record: ContainerRecord): void {
  record.ready = false;
  record.started = false;
  if (record.state.terminated !== undefined || !live.initialized) return;
  const known = record.lastState.terminated;
  if (known !== undefined) record.state = { terminated: known };
}

async function prepare(live: Live): Promise<Sandbox | undefined> {
  const { world, runtime, tokens, handlerOf, isClosed } = live.options;
  while (!live.stop.aborted) {
    const pod = live.pod();
    const { namespace = "", name, uid, labels = {} } = pod.metadata;
    try {
      return await runtime.sandbox({
        pod: { namespace, name, uid },
        hostname: pod.spec.hostname ?? name,
        labels,
        images: live.records.map((one) => one.container.image),
        volumes: volumesOf(world, pod, tokens),
        fsGroup: pod.spec.securityContext?.fsGroup,
        runtimeHandler: handlerOf(pod.spec.runtimeClassName),
        isClosed: isClosed(pod),
      });
    } catch (error) {
      const reason = error instanceof ConfigError ? "FailedMount" : "FailedCreatePodSandBox";
      const message = error instanceof Error ? error.message : String(error);
      say(
        live,
        "Warning",
        reason,
        reason === "FailedMount" ? message : `Failed to create pod sandbox: ${message}`,
      );
      await sleep(world.time, syncSeconds / 6, live.stop);
    }
  }
  return undefined;
}

async function runContainers(live: Live, context: PodContext): Promise<void> {
  const besides: Promise<void>[] = [];
  for (const record of live.records.filter((one) => one.init)) {
    const running = runContainer(context, record);
    if (record.container.restartPolicy === "Always") {
      besides.push(running);
      await startedOrStopped(live, record);
    } else {
      await running;
      record.ready = record.state.terminated?.exitCode === 0;
      if (!record.ready || live.stop.aborted) return;
      publish(live);
    }
  }
  if (live.stop.aborted) return;
  live.initialized = true;
  for (const record of live.records) {
    if (!record.init) record.state = { waiting: { reason: waitingFor(live) } };
  }
  const main = live.records.filter((one) => !one.init).map((record) => runContainer(context, record));
  await Promise.all(main);
  for (const record of live.records)
    if (record.init && record.running !== undefined) {
      await endContainer(context, record, record.running);
    }
  void besides;
}

function waitingFor(live: Live): string {
  return live.records.some((one) => one.init) ? "PodInitializing" : "ContainerCreating";
}

/** A side car is passed once it has started. */
async function startedOrStopped(live: Live, record: ContainerRecord): Promise<void> {
  while (!record.started && !live.stop.aborted) await sleep(live.options.world.time, 0.2, live.stop);
}

function watchDeadline(live: Live): () => void {
  const limit = live.pod().spec.activeDeadlineSeconds;
  if (limit === undefined) return () => undefined;
  return live.options.world.time.after(limit, () => {
    live.failure = {
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
    };
    live.options.stopPod(live.pod());
  });
}

/** What stands beside the others serves them until they have ended. */
async function endAll(live: Live, context: PodContext): Promise<void> {
  const end = async (record: ContainerRecord): Promise<void> => {
    const { running } = record;
    if (running === undefined) return;
    const message = `Stopping container ${record.container.name}`;
    context.event(record, "Normal", { reason: "Killing", message });
    await endContainer(context, record, running);
  };
  await Promise.all(live.records.filter(({ init }) => !init).map(end));
  await Promise.all(live.records.filter(({ init }) => init).map(end));
}

function contextOf(live: Live, sandbox: Sandbox): PodContext {
  const { world, runtime, node, environment } = live.options;
  return {
    world,
    runtime,
    pod: live.pod,
    sandbox,
    node: node.name,
    environment,
    publish: () => publish(live),
    event: (record, type, { reason, message }) => {
      const list = record.init ? "initContainers" : "containers";
      say(live, type, reason, message, `spec.${list}{${record.container.name}}`);
    },
    stop: live.stop,
  };
}

function say(
  live: Live,
  type: "Normal" | "Warning",
  reason: string,
  message: string,
  fieldPath?: string,
): void {
  const { world, node } = live.options;
  world.events.record({
    about: { ...live.pod(), apiVersion: "v1", kind: "Pod" },
    type,
    reason,
    message,
    component: "kubelet",
    host: node.name,
    ...(fieldPath !== undefined && { fieldPath }),
  });
}

function publish(live: Live): void {
  const { world, runtime, node } = live.options;
  const { namespace = "", name, uid } = live.pod().metadata;
  const facts: PodFacts = {
    scheme: runtime.scheme,
    hostAddress: node.address,
    address: live.sandbox?.address,
    startedAt: live.startedAt,
    records: live.records,
    settled: live.settled,
    initialized: live.initialized,
    ending: live.stop.aborted,
    failure: live.failure,
  };
  change(world.store, { resource: "pods", namespace, name }, (draft) => {
    if (draft.metadata.uid === uid) draft.status = podStatus(draft, facts, world.time.stamp());
  });
}

/** The kubelet has the last word in a deletion: the object goes when its containers have. */
function finish(live: Live): void {
  const { store } = live.options.world;
  const { namespace = "", name, uid } = live.pod().metadata;
  const key = { resource: "pods", namespace, name };
  const object = store.get(key);
  const now = get(store, "pods", { namespace, name });
  if (object === undefined || now?.metadata.uid !== uid || now.metadata.deletionTimestamp === undefined)
    return;
  const last = { ...object, metadata: { ...object.metadata, deletionGracePeriodSeconds: 0 } };
  store.put(key, parseObject(last));
  if ((now.metadata.finalizers ?? []).length === 0) store.remove(key);
}
