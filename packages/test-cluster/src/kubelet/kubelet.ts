/** The kubelet of the nodes: takes the pods that are bound to them, and answers for their containers. */
import type { ContainerRef, Nodes } from "../pods.ts";
import { type Pod, parseKind } from "../world/parse-kinds.ts";
import { list } from "../world/world.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { KubeletOptions } from "./kubelet-options.ts";
import { type PodWorker, startPod } from "./pod-worker.ts";

export interface Kubelet extends Nodes {
  /** Those that are here. */
  pods(): readonly PodWorker[];
  stop(): Promise<void>;
}

type Given = Omit<KubeletOptions, "removed" | "stopPod" | "node"> & {
  readonly addressOf: (node: string) => string;
};

export function runKubelet(given: Given): Kubelet {
  const { world } = given;
  const workers = new Map<string, PodWorker>();
  const waiting = new Map<string, () => void>();
  let stopped = false;
  const options = (pod: Pod): KubeletOptions => ({
    ...given,
    node: { name: pod.spec.nodeName ?? "", address: given.addressOf(pod.spec.nodeName ?? "") },
    removed: (of) => new Promise((resolve) => void waiting.set(of.metadata.uid, resolve)),
    stopPod: (of) => workers.get(of.metadata.uid)?.stop(),
  });
  const stopOne = (uid: string) => {
    workers.get(uid)?.stop();
    waiting.get(uid)?.();
    waiting.delete(uid);
  };
  const look = (pod: Pod, removed: boolean) => {
    const { uid, deletionTimestamp } = pod.metadata;
    if (removed || deletionTimestamp !== undefined) stopOne(uid);
    if (removed || stopped || pod.spec.nodeName === undefined || workers.has(uid)) return;
    const worker = startPod(options(pod), pod);
    workers.set(uid, worker);
    if (deletionTimestamp !== undefined) worker.stop();
    void worker.done.then(() => workers.delete(uid));
  };
  const end = world.store.subscribe((event) => {
    if (event.key.resource !== "pods") return;
    const pod = parseKind("pods", event.object);
    // Not within the write: what it starts writes too.
    setImmediate(() => look(pod, event.type === "DELETED"));
  });
  for (const pod of list(world.store, "pods")) look(pod, false);
  const find = (of: Omit<ContainerRef, "container">) => {
    const object = world.store.get({ resource: "pods", namespace: of.namespace, name: of.pod });
    return object === undefined ? undefined : workers.get(parseKind("pods", object).metadata.uid);
  };
  return {
    ...nodesOf(find),
    pods: () => [...workers.values()],
    async stop() {
      stopped = true;
      end();
      for (const uid of workers.keys()) stopOne(uid);
      await Promise.all([...workers.values()].map((worker) => worker.done));
    },
  };
}

function nodesOf(find: (of: Omit<ContainerRef, "container">) => PodWorker | undefined): Nodes {
  const recordOf = (of: ContainerRef): ContainerRecord | undefined => find(of)?.record(of.container);
  return {
    async *logs(of, query, signal) {
      const record = recordOf(of);
      const book = query.previous ? record?.previousLog : record?.log;
      if (book !== undefined) yield* book.read(query, signal);
    },
    exec(of, what) {
      const running = recordOf(of)?.running;
      if (running === undefined) return Promise.reject(new Error(`container not found ("${of.container}")`));
      return running.exec(what);
    },
    connect(of, port) {
      const sandbox = find(of)?.sandbox();
      if (sandbox === undefined) return Promise.reject(new Error("pod not found"));
      return sandbox.connect(port);
    },
  };
}
