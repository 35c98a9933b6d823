/** A target on Kubernetes as the objects that it is made of. */
import type { BuildId } from "@agentflow/protocol";
import { fitted } from "../model/names.ts";
import type { KubernetesObject } from "./object.ts";

export interface Release {
  readonly project: string;
  readonly target: string;
  /** Begins the name of every object: `<project>-<target>`, shortened where it would be too long. */
  readonly name: string;
  readonly namespace: string;
  /** Of the workers: the head of the hash that names the project's image. */
  readonly build: BuildId;
  /** Of `af` that rendered it. */
  readonly version: string;
  /**
   * In the order of applying. Jobs are among them: `keys` before NATS, `register` last. The namespace, the
   * project's secrets, the inventory and revisions are none of them: `af deploy` makes those itself.
   */
  readonly objects: readonly KubernetesObject[];
  /** What a person should know of it: HPA instead of KEDA, one replica without a disruption budget. */
  readonly notes: readonly string[];
}

/** What a cluster has, as far as rendering depends on it. */
export interface Capabilities {
  /** KEDA's `ScaledObject` is served. */
  readonly keda: boolean;
}

/** Names of objects that `af deploy` and the manifests must agree on. */
export const releaseNames = {
  /** Secret with the project's secrets, one key each, mounted at `/run/secrets`. */
  secrets: (release: string): string => `${release}-secrets`,
  /** Secrets that the job `keys` makes: for `nats`, `control-plane`, `worker`, `register`. */
  keys: (release: string, of: string): string => `${release}-keys-${of}`,
  /** ConfigMap that lists what was applied. */
  inventory: (release: string): string => `${release}-inventory`,
  /** Secret with the objects of the n-th deploy. */
  revision: (release: string, revision: number): string => `${release}-revision-${revision}`,
  /** Lease of whoever deploys. */
  lease: (release: string): string => `${release}-deploy`,
  /** Service of the API. */
  api: (release: string): string => `${release}-control-plane`,
  /** At most 63 letters: as a label's value, too. */
  workers: (release: string, pool: string, build: string): string =>
    `${fitted(`${release}-worker-${pool}`, 62 - build.length)}-${build}`,
} as const;
