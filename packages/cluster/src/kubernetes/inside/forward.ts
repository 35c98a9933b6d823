/**
 * A door into a cluster: a port of this machine whose requests reach a control plane that is ready, by
 * forwards over the API server. A pod that goes is replaced by another one with the next connection.
 */
import type { V1Pod } from "@kubernetes/client-node";
import type { Duplex } from "node:stream";
import { type Door, openProxy } from "../../door/index.ts";
import type { Cluster } from "../cluster.ts";
import type { Pace } from "../pace.ts";
import { openPodPort } from "./port-stream.ts";
import { type InCluster, podName, readyControlPlane } from "./release-pods.ts";

export interface ClusterDoorOptions extends InCluster {
  /** Closed with the door. */
  readonly cluster: Cluster;
  readonly pace?: Pace;
}

/** Where the API listens within its container, unless the pod says otherwise. */
const defaultPort = 4180;

/** Refuses when the cluster does not answer, no control plane is ready or forwards are not allowed. */
export async function openClusterDoor(options: ClusterDoorOptions): Promise<Door> {
  const { cluster } = options;
  try {
    const way = new WayInside(options);
    // Proves that it is allowed, and serves the first request.
    let first: Duplex | undefined = await way.connect();
    first.on("error", () => undefined);
    return await openProxy({
      connect: async () => {
        const kept = first;
        first = undefined;
        return kept !== undefined && !kept.destroyed && !kept.readableEnded ? kept : way.connect();
      },
      port: way.port,
      close: () => {
        first?.destroy();
        cluster.close();
      },
    });
  } catch (error) {
    cluster.close();
    throw error;
  }
}

/** Looks for a pod once and keeps to it while it takes connections. */
class WayInside {
  port = defaultPort;
  readonly #options: ClusterDoorOptions;
  #pod: string | undefined;

  constructor(options: ClusterDoorOptions) {
    this.#options = options;
  }

  async connect(): Promise<Duplex> {
    const known = this.#pod;
    if (known === undefined) return this.#to(await this.#find());
    try {
      return await this.#to(known);
    } catch {
      return this.#to(await this.#find());
    }
  }

  async #find(): Promise<string> {
    const { cluster } = this.#options;
    const pod = await readyControlPlane(cluster, this.#options);
    this.port = portOf(pod);
    return podName(pod);
  }

  async #to(pod: string): Promise<Duplex> {
    const { cluster, namespace, pace } = this.#options;
    this.#pod = undefined;
    const at = { namespace, pod, port: this.port, ...(pace === undefined ? {} : { pace }) };
    const stream = await openPodPort(cluster, at);
    this.#pod = pod;
    // It ended by itself: perhaps the pod did. Whoever comes next looks again.
    stream.on("close", () => {
      if (this.#pod === pod) this.#pod = undefined;
    });
    stream.on("error", () => undefined);
    return stream;
  }
}

function portOf({ spec }: V1Pod): number {
  const ports = spec?.containers.flatMap((container) => container.ports ?? []) ?? [];
  const api = ports.find(({ name }) => name === "api" || name === "http") ?? ports[0];
  return api?.containerPort ?? defaultPort;
}
