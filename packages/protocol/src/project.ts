/** A project as authored: agentflow.yaml. Strings may be references, see reference.ts. */
import type { BudgetDefinition } from "./budget.ts";
import type { Json, JsonObject } from "./json.ts";
import type { SandboxPolicy } from "./sandbox.ts";
import type { apiVersion } from "./workflow.ts";

export type { BudgetDefinition } from "./budget.ts";

export interface ProjectDefinition {
  readonly apiVersion: typeof apiVersion;
  readonly kind: "Project";
  readonly name: string;
  readonly description?: string;
  readonly models?: { readonly [name: string]: ModelDefinition };
  readonly pools?: { readonly [pool: string]: PoolDefinition };
  readonly budgets?: BudgetDefinition;
  /** Which tools are untrusted, and what their calls may have at most. */
  readonly sandbox?: SandboxPolicy;
  readonly targets?: { readonly [name: string]: TargetDefinition };
  /** Settings of the processes, the project's layer of the configuration; checked by whoever reads them. */
  readonly settings?: { readonly [key: string]: Json };
  /** On, off, or the percentage of keys for which the flag is on. */
  readonly flags?: { readonly [flag: string]: boolean | number };
}

export interface ModelDefinition {
  readonly provider: string;
  readonly model: string;
  readonly baseUrl?: string;
  /** Always a reference: a key has no place in a file that is committed. */
  readonly apiKey?: string;
  /** Names under `models` that are asked in order when this one cannot answer. */
  readonly fallbacks?: readonly string[];
  /** Longest that one call may take (2m). */
  readonly timeout?: string;
  /** US dollars for a million tokens; takes the place of the price table that comes with `af`. */
  readonly price?: PriceDefinition;
  /** For the provider `scripted`: the file of what it says, relative to the project. */
  readonly script?: string;
  /** What the provider takes beside: passed on as it is, under the provider's name. */
  readonly options?: JsonObject;
}

export interface PriceDefinition {
  readonly input: number;
  readonly output: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
}

export interface PoolDefinition {
  /** Tasks that one worker of the pool runs at the same time. */
  readonly concurrency: number;
}

export type BusKind = "embedded" | "nats" | "redis" | "rabbitmq";

export type TargetDefinition = LocalTarget | DockerTarget | KubernetesTarget;

/** This machine, without containers: what `af dev` uses. */
export interface LocalTarget {
  readonly kind?: "local";
  readonly bus?: BusKind;
  readonly nats?: NatsTarget;
  readonly workers?: WorkerCounts;
}

export interface DockerTarget extends ContainerTarget {
  readonly kind: "docker";
  /** The engine: `unix:///…`, `tcp://…`, `ssh://…`; by default as Docker's own client finds it. */
  readonly host?: string;
  /** A context of Docker's own client, instead of `host`. */
  readonly dockerContext?: string;
  readonly bus?: BusKind;
  readonly api?: ApiTarget;
}

/** What targets of containers have in common. */
export interface ContainerTarget {
  readonly nats?: NatsTarget;
  readonly workers?: WorkerCounts;
  /** Copies of the control plane (1). */
  readonly controlPlanes?: number;
  readonly images?: ImagesTarget;
  /** Variables of the workers; never a secret. */
  readonly environment?: { readonly [name: string]: string };
  /** What each copy of a part may use; by part: `nats`, `control-plane`, `worker-<pool>`. */
  readonly limits?: { readonly [part: string]: LimitsTarget };
  /** What differs on this target: laid over agentflow.yaml key by key; null takes a key away. */
  readonly overlay?: JsonObject;
}

export interface LimitsTarget {
  readonly cpus?: number;
  readonly memoryMb?: number;
  readonly pids?: number;
}

export interface ImagesTarget {
  /** What our images are built on. */
  readonly base?: string;
  readonly nats?: string;
}

export interface ApiTarget {
  /** Address of the engine's machine under which the API is published (127.0.0.1). */
  readonly host?: string;
  readonly port?: number;
}

export interface KubernetesTarget extends ContainerTarget {
  readonly kind: "kubernetes";
  readonly context?: string;
  readonly namespace?: string;
  readonly bus?: Exclude<BusKind, "embedded">;
  /** Where images are pushed to: `registry.example.com/team`. Without it nodes must have them. */
  readonly registry?: string;
  /** Secrets of the namespace with which nodes pull. */
  readonly pullSecrets?: readonly string[];
  /** Instead of a push, run for each image: `kind load docker-image {image}`. */
  readonly imageLoad?: string;
  /** How the API is reached from outside the cluster; by a port-forward when left out. */
  readonly ingress?: IngressTarget;
  /** Workers by load instead of a fixed number; by pool. */
  readonly scaling?: { readonly [pool: string]: ScalingTarget };
  readonly storage?: StorageTarget;
  /** RuntimeClass of the pods in which untrusted tools run. */
  readonly runtimeClass?: string;
  /** Labels that a node must have to be given our pods. */
  readonly nodeSelector?: { readonly [label: string]: string };
}

export interface IngressTarget {
  readonly host: string;
  readonly className?: string;
  /** Secret of the namespace with the certificate. */
  readonly tlsSecret?: string;
}

export interface ScalingTarget {
  readonly min: number;
  readonly max: number;
}

export interface StorageTarget {
  /** Storage class of the volumes; the cluster's default when left out. */
  readonly className?: string;
  /** Size of the volume of one NATS server (10). */
  readonly natsGb?: number;
  /** Of the volume in which tools leave files; each worker has its own, lost with it, when left out. */
  readonly filesGb?: number;
}

export interface NatsTarget {
  readonly replicas?: 1 | 3 | 5;
  /** An existing server instead of one of our own. */
  readonly url?: string;
}

/** How many workers of each pool. */
export type WorkerCounts = { readonly [pool: string]: number };
