/** All that works behind the API server: controllers, the scheduler, the nodes. */
import { autoscalers } from "./controllers/autoscaler.ts";
import { claims } from "./controllers/claims.ts";
import { deployments } from "./controllers/deployment.ts";
import { disruptionBudgets } from "./controllers/disruption.ts";
import { endpoints } from "./controllers/endpoints.ts";
import { garbageCollector } from "./controllers/garbage.ts";
import { jobs } from "./controllers/job.ts";
import { replicaSets } from "./controllers/replicaset.ts";
import { scheduler } from "./controllers/scheduler.ts";
import { statefulSets } from "./controllers/statefulset.ts";
import { type Kubelet, runKubelet } from "./kubelet/kubelet.ts";
import { measurePods } from "./kubelet/metrics.ts";
import { isClosed } from "./kubelet/policies.ts";
import type { Tokens } from "./kubelet/volumes.ts";
import type { Nodes } from "./pods.ts";
import type { PodRuntime } from "./runtime/runtime.ts";
import type { Store } from "./store.ts";
import { runControllers } from "./world/loop.ts";
import { parseKind } from "./world/parse-kinds.ts";
import { plainWriter } from "./world/plain-writer.ts";
import { recorder } from "./world/recorder.ts";
import { startTime } from "./world/time.ts";
import type { World, Writer } from "./world/world.ts";

export interface BehindOptions {
  readonly store: Store;
  /** Creates and deletes as the API server does; without one there are neither defaults nor admission. */
  readonly writer?: Writer;
  /** Plurals with groups of what lives in namespaces: `pods`, `deployments.apps`. */
  readonly resources: () => readonly string[];
  /** How many seconds of the cluster pass in one of the wall: back-off, probes, deadlines. */
  readonly pace?: number;
  /** What runs pods; without one they stay where the scheduler has put them. */
  readonly runtime?: PodRuntime | undefined;
  readonly tokens?: Tokens;
  /** Pods for which policies allow nothing, in and out, get no network; else policies do nothing. */
  readonly closes?: boolean;
  /** Writes PodMetrics of what the runtime measures. */
  readonly measures?: boolean;
  /** Where pods reach the API server. */
  readonly server?: { readonly host: string; readonly port: number };
}

export interface Behind {
  readonly nodes: Nodes;
  readonly world: World;
  stop(): Promise<void>;
}

export function startBehind(options: BehindOptions): Behind {
  const { store, resources, runtime } = options;
  const time = startTime(options.pace ?? 1);
  const world: World = {
    store,
    writer: options.writer ?? plainWriter(store),
    events: recorder(store, time),
    time,
    marks: new Map(),
  };
  const end = runControllers(world, [
    replicaSets(world),
    deployments(world),
    statefulSets(world),
    jobs(world),
    scheduler(world),
    endpoints(world),
    claims(world, (uid) => void runtime?.removeClaim(uid)),
    disruptionBudgets(world),
    autoscalers(world),
    garbageCollector(world, { resources }),
  ]);
  const kubelet = runtime === undefined ? undefined : nodesOf(options, world, runtime);
  const unmeasure =
    kubelet === undefined || options.measures !== true
      ? (): void => undefined
      : measurePods(world, () => kubelet.pods());
  return {
    world,
    nodes: kubelet ?? withoutNodes,
    async stop() {
      end();
      unmeasure();
      await kubelet?.stop();
      time.stop();
      await runtime?.stop();
    },
  };
}

function nodesOf(options: BehindOptions, world: World, runtime: PodRuntime): Kubelet {
  const { server } = options;
  return runKubelet({
    world,
    runtime,
    tokens: options.tokens ?? (() => ""),
    environment:
      server === undefined
        ? {}
        : {
            KUBERNETES_SERVICE_HOST: server.host,
            KUBERNETES_SERVICE_PORT: String(server.port),
            KUBERNETES_SERVICE_PORT_HTTPS: String(server.port),
          },
    handlerOf: (name) => handlerOf(world, name),
    isClosed: (pod) => options.closes === true && isClosed(world, pod),
    addressOf: (node) => addressOf(world, node),
  });
}

function handlerOf(world: World, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const found = world.store.get({ resource: "runtimeclasses.node.k8s.io", namespace: "", name });
  const handler = found?.["handler"];
  return typeof handler === "string" ? handler : undefined;
}

function addressOf(world: World, name: string): string {
  const node = world.store.get({ resource: "nodes", namespace: "", name });
  if (node === undefined) return "";
  const addresses = parseKind("nodes", node).status?.addresses ?? [];
  return addresses.find((one) => one.type === "InternalIP")?.address ?? "10.250.0.1";
}

/** A node as a test names it, ready. */
export interface NodeGiven {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  readonly cpu?: string;
  readonly memory?: string;
  readonly architecture?: string;
}

export function putNode(store: Store, node: NodeGiven): void {
  const { name, cpu = "8", memory = "16Gi", architecture = "amd64" } = node;
  const room = { cpu, memory, pods: "110", "ephemeral-storage": "100Gi" };
  store.put(
    { resource: "nodes", namespace: "", name },
    {
      apiVersion: "v1",
      kind: "Node",
      metadata: {
        name,
        labels: {
          "kubernetes.io/hostname": name,
          "kubernetes.io/os": "linux",
          "kubernetes.io/arch": architecture,
          ...node.labels,
        },
      },
      spec: { taints: node.taints?.map((taint) => ({ ...taint })) ?? [] },
      status: {
        capacity: room,
        allocatable: room,
        addresses: [
          { type: "InternalIP", address: "10.250.0.1" },
          { type: "Hostname", address: name },
        ],
        conditions: [
          {
            type: "Ready",
            status: "True",
            reason: "KubeletReady",
            message: "kubelet is posting ready status",
          },
        ],
        nodeInfo: { architecture, operatingSystem: "linux", kubeletVersion: "v1.36.2" },
      },
    },
  );
}

const withoutNodes: Nodes = {
  async *logs() {
    // Nothing runs here.
  },
  exec: () => Promise.reject(new Error("no pods run in this cluster")),
  connect: () => Promise.reject(new Error("no pods run in this cluster")),
};
