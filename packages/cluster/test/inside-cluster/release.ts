/** A release as a test plays it on the test API server: pods that are programs of this host. */
import { startTestCluster, type TestCluster, type TestClusterOptions } from "@agentflow/test-cluster";
import { createServer } from "node:net";
import { openPlace, type OpenPlace } from "../../src/kubernetes/inside/place.ts";
import { kubernetesLabels } from "../../src/kubernetes/labels.ts";
import { openCluster } from "../../src/kubernetes/client/index.ts";
import type { Cluster } from "../../src/kubernetes/cluster.ts";

export const namespace = "kctx-played";
export const release = "shop-prod";
/** Programs of this host. */
export const image = "bbsh:1";

export interface Played {
  readonly test: TestCluster;
  readonly cluster: Cluster;
  open(kubeconfig?: string): Promise<OpenPlace>;
  /** Makes a pod of the release; answers once it is there. */
  pod(of: PlayedPod): Promise<void>;
  remove(name: string): Promise<void>;
  /** Until the pod is as it should be. */
  until(name: string, is: (state: string) => boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface PlayedPod {
  readonly name: string;
  readonly part: string;
  readonly command: readonly string[];
  readonly port?: number;
  readonly restartPolicy?: "Always" | "Never";
  readonly image?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export async function playRelease(options: TestClusterOptions = {}): Promise<Played> {
  const test = await startTestCluster({ pods: "processes", pace: 10, ...options });
  const environment = { KUBECONFIG: test.kubeconfig };
  const cluster = await openCluster({ environment });
  await cluster.core.createNamespace({ body: { metadata: { name: namespace } } });
  // Pods may be made once the namespace has its account.
  const account = { resource: "serviceaccounts", namespace, name: "default" };
  while (test.store.get(account) === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  const read = async (name: string) =>
    cluster.core.readNamespacedPod({ namespace, name }).catch(() => undefined);
  return {
    test,
    cluster,
    open: (kubeconfig = test.kubeconfig) => openPlace({ namespace, release }, { KUBECONFIG: kubeconfig }),
    async pod({ name, part, command, port, labels, restartPolicy = "Always", image: named = image }) {
      const ports = port === undefined ? {} : { ports: [{ name: "api", containerPort: port }] };
      const ready =
        port === undefined
          ? {}
          : { readinessProbe: { tcpSocket: { port }, periodSeconds: 1, failureThreshold: 1 } };
      await cluster.core.createNamespacedPod({
        namespace,
        body: {
          metadata: {
            name,
            labels: { [kubernetesLabels.instance]: release, [kubernetesLabels.part]: part, ...labels },
          },
          spec: {
            restartPolicy,
            terminationGracePeriodSeconds: 1,
            automountServiceAccountToken: false,
            containers: [{ name: part, image: named, command: [...command], ...ports, ...ready }],
          },
        },
      });
    },
    async remove(name) {
      await cluster.core.deleteNamespacedPod({ namespace, name });
    },
    async until(name, is) {
      for (;;) {
        const pod = await read(name);
        const ready = pod?.status?.conditions?.some(
          ({ type, status }) => type === "Ready" && status === "True",
        );
        const state = pod === undefined ? "gone" : ready === true ? "ready" : (pod.status?.phase ?? "");
        if (is(state)) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async stop() {
      cluster.close();
      await test.stop();
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
