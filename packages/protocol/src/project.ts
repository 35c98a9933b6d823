/** A project as authored: agentflow.yaml. Strings may be references, see reference.ts. */
import type { BudgetDefinition } from "./budget.ts";
import type { Json, JsonObject } from "./json.ts";
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

export interface DockerTarget {
  readonly kind: "docker";
  readonly host?: string;
  readonly bus?: BusKind;
  readonly nats?: NatsTarget;
  readonly workers?: WorkerCounts;
}

export interface KubernetesTarget {
  readonly kind: "kubernetes";
  readonly context?: string;
  readonly namespace?: string;
  readonly bus?: Exclude<BusKind, "embedded">;
  readonly nats?: NatsTarget;
  readonly workers?: WorkerCounts;
}

export interface NatsTarget {
  readonly replicas?: 1 | 3 | 5;
  /** An existing server instead of one of our own. */
  readonly url?: string;
}

/** How many workers of each pool. */
export type WorkerCounts = { readonly [pool: string]: number };
