/** What works behind the API server of a test cluster, as its options ask for it. */
import type Docker from "dockerode";
import type { Registry } from "./api/resources.ts";
import type { PodDoors } from "./api/pod-doors.ts";
import type { Users } from "./auth/users.ts";
import { type Behind, type NodeGiven, putNode, startBehind } from "./behind.ts";
import { textAt } from "./json.ts";
import type { LocalWriter } from "./local-writer.ts";
import { clusterNames } from "./runtime/cluster-names.ts";
import { type DockerPods, dockerPods } from "./runtime/docker.ts";
import { processes, type ProcessesOptions } from "./runtime/processes.ts";
import type { PodRuntime } from "./runtime/runtime.ts";
import type { Store } from "./store.ts";
import { podDoors } from "./streams/doors.ts";

/**
 * `none`: objects only, nothing works behind them. `unrun`: controllers and a scheduler, but nothing runs.
 * `processes`: pods are programs of this host, of the images `bbsh:1` and `bb:1`, or of those that are named.
 * An engine: pods are its containers; `name` is how they, their network and their volumes are called.
 */
export type PodsOption =
  | "none"
  | "unrun"
  | "processes"
  | ProcessesOptions
  | { readonly engine: Docker; readonly name: string };

export interface BehindChoice {
  readonly pods?: PodsOption;
  /** Without any: `node1`, amd64, with 8 cores and 16Gi. */
  readonly nodes?: readonly NodeGiven[];
  /**
   * Pods for which NetworkPolicies allow nothing, in and out, get no network, where an engine runs them.
   * Else policies are kept and not enforced, as on the recorded cluster.
   */
  readonly closes?: boolean;
  /**
   * `none`: metrics.k8s.io is not served. `measured`: it tells what the engine says of its containers. Else
   * it is served, and tells what tests put there.
   */
  readonly metrics?: "none" | "measured";
  /** How many seconds of the cluster (back-off, probes, deadlines) pass in one of the wall. */
  readonly pace?: number;
}

export interface PodsMade {
  readonly runtime: PodRuntime | undefined;
  /** On which address pods reach this process. */
  readonly gateway: string | undefined;
}

/** Before the server listens: containers reach it on an address of their network. */
export async function makePods(pods: PodsOption): Promise<PodsMade> {
  if (pods === "none" || pods === "unrun") return { runtime: undefined, gateway: undefined };
  if (pods === "processes") return { runtime: processes({ images: ["bbsh:1", "bb:1"] }), gateway: undefined };
  if ("images" in pods) return { runtime: processes(pods), gateway: undefined };
  const runtime = await dockerPods(pods);
  return { runtime, gateway: runtime.gateway };
}

export interface Front {
  readonly store: Store;
  readonly registry: Registry;
  readonly users: Users;
  readonly writer: LocalWriter;
  readonly server: { readonly host: string; readonly port: number };
}

export interface Working {
  readonly behind: Behind;
  readonly doors: PodDoors;
}

export async function workBehind(front: Front, choice: BehindChoice, made: PodsMade): Promise<Working> {
  const { store, registry, writer, server } = front;
  putStorageClass(store);
  for (const node of choice.nodes ?? [{ name: "node1" }]) putNode(store, node);
  if (isDocker(made.runtime)) await made.runtime.answerNames(clusterNames(store, server.host));
  const behind = startBehind({
    store,
    writer,
    server,
    resources: () =>
      registry
        .all()
        .filter((one) => one.namespaced && one.group !== "metrics.k8s.io" && one.id !== "events")
        .map((one) => one.id),
    ...(choice.pace !== undefined && { pace: choice.pace }),
    ...(choice.closes !== undefined && { closes: choice.closes }),
    measures: choice.metrics === "measured",
    runtime: made.runtime,
    tokens: (asked) => tokenOf(front, asked),
  });
  return { behind, doors: podDoors(behind.nodes) };
}

function isDocker(runtime: PodRuntime | undefined): runtime is DockerPods {
  return runtime !== undefined && "answerNames" in runtime;
}

const tokenMs = 3_607_000;

function tokenOf(
  { store, users }: Front,
  asked: { readonly namespace: string; readonly serviceAccount: string },
): string {
  const { namespace, serviceAccount: name } = asked;
  const account = store.get({ resource: "serviceaccounts", namespace, name });
  const uid = account === undefined ? "" : (textAt(account, "metadata", "uid") ?? "");
  return users.issueForServiceAccount({ namespace, name, uid }, tokenMs).token;
}

function putStorageClass(store: Store): void {
  store.put(
    { resource: "storageclasses.storage.k8s.io", namespace: "", name: "local-path" },
    {
      apiVersion: "storage.k8s.io/v1",
      kind: "StorageClass",
      metadata: {
        name: "local-path",
        annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
      },
      provisioner: "rancher.io/local-path",
      reclaimPolicy: "Delete",
      volumeBindingMode: "Immediate",
    },
  );
}
