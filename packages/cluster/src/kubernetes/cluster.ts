/** A cluster that is spoken to; errors are AgentFlowErrors that say what, where and the next step. */
import type { Json, JsonObject } from "@agentflow/protocol";
import type {
  AppsV1Api,
  AuthorizationV1Api,
  BatchV1Api,
  CoordinationV1Api,
  CoreV1Api,
  KubeConfig,
  KubernetesObjectApi,
} from "@kubernetes/client-node";

export interface ClusterAddress {
  /** Context of the kubeconfig. */
  readonly context: string;
  /** URL of the API server. */
  readonly server: string;
  /** Namespace that the context names; `default` when it names none. */
  readonly namespace: string;
  /** Files that the context was read from. */
  readonly files: readonly string[];
  /** Command that gives tokens, where the kubeconfig names one. */
  readonly tokens?: string;
}

/** A request in plain JSON: what the typed clients would drop or rename stays as it is. */
export interface ClusterRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** `/api/v1/namespaces/x/pods`; each part already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: JsonObject;
  /** Of the body; `application/json` when left out. */
  readonly contentType?: string;
  /** The answer as it came, as for logs; else JSON is parsed. */
  readonly isText?: boolean;
}

/** A watch in plain JSON. */
export interface ClusterWatching {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface Cluster {
  readonly address: ClusterAddress;
  readonly config: KubeConfig;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly batch: BatchV1Api;
  readonly coordination: CoordinationV1Api;
  readonly authorization: AuthorizationV1Api;
  readonly objects: KubernetesObjectApi;
  /**
   * `doing` is what was asked for, as in `reading Deployment/x`. Ends within a limit of its own. What is
   * thrown is an AgentFlowError; an answer of 404 is `not_found`, of 409 `conflict`.
   */
  ask<T>(doing: string, work: (cluster: Cluster) => Promise<T>): Promise<T>;
  /** The same for one request; answers that are no JSON are a string, empty ones null. */
  send(doing: string, request: ClusterRequest): Promise<Json>;
  /**
   * Events as they come: `{type, object}`. Ends when the cluster ends it; throws as `ask` does when it
   * breaks or the signal says so. Neither limited in time nor tried again: whoever watches does that.
   */
  watch(doing: string, watching: ClusterWatching): AsyncIterable<JsonObject>;
  close(): void;
}
