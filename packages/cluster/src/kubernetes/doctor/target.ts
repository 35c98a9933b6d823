import type { KubernetesSettings } from "../../model/target.ts";
import type { Cluster } from "../cluster.ts";
import type { Pace } from "../pace.ts";

/** What is examined for: as much of a target as a cluster is asked about. */
export interface ExaminedClusterTarget {
  readonly name: string;
  readonly release: string;
  readonly settings: Pick<
    KubernetesSettings,
    | "namespace"
    | "images"
    | "nats"
    | "pullSecrets"
    | "scaling"
    | "storage"
    | "runtimeClass"
    | "nodeSelector"
    | "registry"
    | "imageLoad"
  >;
}

export interface Look {
  readonly cluster: Cluster;
  readonly target: ExaminedClusterTarget;
  readonly pace: Pace;
  /** Part of the names of what is tried out: two doctors at the same time have different ones. */
  readonly id: string;
}
