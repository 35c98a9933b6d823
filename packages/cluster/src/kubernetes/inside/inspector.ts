/** The inspector of a worker's runner in a pod, on a port of this machine. */
import { AgentFlowError } from "@agentflow/protocol";
import type { V1Pod, V1Status } from "@kubernetes/client-node";
import { Writable } from "node:stream";
import { type Door, inspectorPort, inspectorProgram, openTunnel } from "../../door/index.ts";
import type { Cluster } from "../cluster.ts";
import { answerCodeOf } from "../client/index.ts";
import { kubernetesLabels } from "../labels.ts";
import { openPodPort } from "./port-stream.ts";
import { type InCluster, labelOf, podName, podState, releasePods } from "./release-pods.ts";

export interface ClusterInspecting extends InCluster {
  /** Closed with the inspector. */
  readonly cluster: Cluster;
  /** The worker's name, which is that of its pod. */
  readonly worker: string;
  /** The port here. */
  readonly port: number;
}

/** Its address is one for a debugger, `ws:`. Refuses when no such pod runs or the port is taken. */
export async function openClusterInspector(inspecting: ClusterInspecting): Promise<Door> {
  const { cluster, namespace, port, worker } = inspecting;
  try {
    const pod = await workerPod(inspecting);
    const name = podName(pod);
    const said = await executed(cluster, { namespace, pod, command: ["node", "-e", inspectorProgram] });
    if (!/^\/[\w-]+$/.test(said)) throw noInspector(worker, name);
    const close = await openTunnel({
      port,
      connect: () => openPodPort(cluster, { namespace, pod: name, port: inspectorPort }),
    });
    return {
      url: `ws://127.0.0.1:${port}${said}`,
      async close() {
        await close();
        cluster.close();
      },
    };
  } catch (error) {
    cluster.close();
    throw error;
  }
}

async function workerPod(of: ClusterInspecting): Promise<V1Pod> {
  const pods = await releasePods(of.cluster, of);
  const workers = pods.filter((pod) => labelOf(pod, kubernetesLabels.pool) !== "");
  const found = workers.find(
    (pod) => podName(pod) === of.worker || podName(pod) === `${of.release}-${of.worker}`,
  );
  if (found?.status?.phase === "Running") return found;
  const is = found === undefined ? "no pod" : `its pod is ${podState(found)}, so none`;
  throw new AgentFlowError("not_found", `${is} of ${of.release} runs worker ${of.worker}`, {
    reason: "no_container",
    details: { release: of.release, namespace: of.namespace, worker: of.worker, pods: workers.map(podName) },
    suggestions: ["af status", "af worker list"],
  });
}

interface Executing {
  readonly namespace: string;
  readonly pod: V1Pod;
  readonly command: readonly string[];
}

/** What a program prints that is run in the pod's first container. */
async function executed(cluster: Cluster, { namespace, pod, command }: Executing): Promise<string> {
  const { Exec } = await import("@kubernetes/client-node");
  let text = "";
  const take = new Writable({
    write: (chunk: Buffer, _, done) => {
      text = (text + chunk.toString("utf8")).slice(0, 10_000);
      done();
    },
  });
  const errors = new Writable({ write: (_, __, done) => done() });
  const container = pod.spec?.containers[0]?.name ?? "";
  const doing = `running a program in pod ${podName(pod)}`;
  return cluster.ask(doing, async () => {
    await new Promise<V1Status | undefined>((resolve, reject) => {
      new Exec(cluster.config)
        .exec(namespace, podName(pod), container, [...command], take, errors, null, false, resolve)
        .then((socket) => socket.on("close", () => resolve(undefined)), reject);
    }).catch((error: unknown) => {
      throw refusedExec(error, { cluster, doing, namespace });
    });
    return text;
  });
}

function refusedExec(
  error: unknown,
  of: { readonly cluster: Cluster; readonly doing: string; readonly namespace: string },
): unknown {
  const said = typeof error === "object" && error !== null && "message" in error ? String(error.message) : "";
  if (!said.includes("server response: 403") && answerCodeOf(error) !== 403) return error;
  const { context } = of.cluster.address;
  return new AgentFlowError("forbidden", `${of.doing}: you may not run programs in pods of ${of.namespace}`, {
    reason: "cluster_forbidden",
    details: { context, namespace: of.namespace, needs: "create and get of pods/exec" },
    suggestions: [`ask for it: kubectl --context ${context} auth can-i create pods/exec -n ${of.namespace}`],
    cause: error,
  });
}

function noInspector(worker: string, pod: string): AgentFlowError {
  return new AgentFlowError("unavailable", `worker ${worker} has no runner whose inspector opens`, {
    reason: "no_inspector",
    details: { worker, pod },
    suggestions: [`whether its code loads: af worker inspect ${worker}`, `anew: kubectl delete pod ${pod}`],
  });
}
