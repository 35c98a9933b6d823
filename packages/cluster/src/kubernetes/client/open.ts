/** Opens a cluster: finds it, and makes the clients that speak to it. */
import { AgentFlowError, type Json, type JsonObject } from "@agentflow/protocol";
import type * as ClientNode from "@kubernetes/client-node";
import type { KubeConfig, PromiseHttpLibrary, RequestContext } from "@kubernetes/client-node";
import type { Cluster, ClusterAddress, ClusterRequest, ClusterWatching } from "../cluster.ts";
import { patience, type Pace, realPace } from "../pace.ts";
import { fromCluster, noToken } from "./errors.ts";
import { type ClusterLooking, findCluster } from "./find.ts";
import { parseAnswer } from "./parse-answer.ts";
import { fetching, openTransport, type Travelling } from "./transport.ts";
import { watchLines } from "./watch.ts";

export interface ClusterOpening extends ClusterLooking {
  /** Ends every request under way, as `interrupted`. */
  readonly signal?: AbortSignal;
  readonly pace?: Pace;
  readonly limits?: Travelling["limits"];
}

const askMsMax = 120_000;
/** How long connections are kept: certificates of a plugin may change. */
const connectionsMs = 60_000;

/** Asks nobody: whether it answers shows with the first question. Whoever opens it closes it. */
export async function openCluster(opening: ClusterOpening): Promise<Cluster> {
  const client = await import("@kubernetes/client-node");
  const { config, address } = await findCluster(opening);
  const pace = opening.pace ?? realPace;
  const connections = new Connections({ config, address, pace });
  const transport = openTransport({
    client,
    pace,
    ...(opening.signal === undefined ? {} : { signal: opening.signal }),
    ...(opening.limits === undefined ? {} : { limits: opening.limits }),
  });
  const configuration = client.createConfiguration({
    baseServer: new client.ServerConfiguration(address.server, {}),
    authMethods: { default: connections },
    httpApi: client.wrapHttpLibrary(transport),
  });
  const cluster: Cluster = {
    address,
    config,
    core: new client.CoreV1Api(configuration),
    apps: new client.AppsV1Api(configuration),
    batch: new client.BatchV1Api(configuration),
    coordination: new client.CoordinationV1Api(configuration),
    authorization: new client.AuthorizationV1Api(configuration),
    objects: new client.KubernetesObjectApi(configuration),
    ask: async (doing, work) => {
      try {
        return await within(askMsMax, work(cluster));
      } catch (error) {
        throw fromCluster(error, doing, address);
      }
    },
    send: async (doing, request) =>
      cluster.ask(doing, async () => send({ client, transport, connections, address }, request)),
    watch: (doing, watching) => watch({ client, connections, address }, doing, watching),
    close: () => {
      connections.close();
    },
  };
  return cluster;
}

async function* watch(
  { client, connections, address }: Omit<Sending, "transport">,
  doing: string,
  watching: ClusterWatching,
): AsyncGenerator<JsonObject> {
  const authenticate = async (context: RequestContext): Promise<void> =>
    connections.applySecurityAuthentication(context);
  const sending = { client, library: fetching(client), server: address.server, authenticate };
  try {
    yield* watchLines(sending, watching);
  } catch (error) {
    throw fromCluster(error, doing, address);
  }
}

interface Sending {
  readonly client: typeof ClientNode;
  readonly transport: PromiseHttpLibrary;
  readonly connections: Connections;
  readonly address: ClusterAddress;
}

async function send(sending: Sending, request: ClusterRequest): Promise<Json> {
  const { client, transport, connections, address } = sending;
  const methods = client.HttpMethod;
  const context = new client.RequestContext(`${address.server}${request.path}`, methods[request.method]);
  context.setHeaderParam("Accept", "application/json");
  for (const [name, value] of Object.entries(request.query ?? {})) context.setQueryParam(name, value);
  if (request.body !== undefined) {
    context.setHeaderParam("Content-Type", request.contentType ?? "application/json");
    context.setBody(JSON.stringify(request.body));
  }
  await connections.applySecurityAuthentication(context);
  const response = await transport.send(context);
  const text = await response.body.text();
  const { httpStatusCode, headers } = response;
  if (httpStatusCode >= 200 && httpStatusCode < 300)
    return request.isText === true ? text : parseAnswer(text);
  throw new client.ApiException(httpStatusCode, "the cluster refused", text, headers);
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = patience(ms);
  let said: (() => void) | undefined;
  const limit = new Promise<never>((_, reject) => {
    said = () => {
      reject(late.reason instanceof Error ? late.reason : new Error("no answer in time"));
    };
    late.addEventListener("abort", said, { once: true });
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    if (said !== undefined) late.removeEventListener("abort", said);
  }
}

type Dispatcher = NonNullable<ReturnType<RequestContext["getDispatcher"]>>;

/** An answer that leads elsewhere is not followed: what was sent, secrets too, would be sent there again. */
function onlyTo(origin: string): Parameters<Dispatcher["compose"]>[0] {
  return (dispatch) => (options, handler) => {
    if (options.origin?.toString() === origin) return dispatch(options, handler);
    throw new AgentFlowError(
      "refused",
      `${origin} sends us on to ${options.origin?.toString() ?? "nowhere"}`,
      {
        reason: "cluster_redirects",
        suggestions: ["is it the API server that answers there? kubectl get --raw /version"],
      },
    );
  };
}

/** Who is asking, and connections that are used again: the client by itself makes new ones each time. */
class Connections {
  readonly #of: { readonly config: KubeConfig; readonly address: ClusterAddress; readonly pace: Pace };
  #kept: { readonly dispatcher: Dispatcher; readonly sinceMs: number } | undefined;

  constructor(of: { readonly config: KubeConfig; readonly address: ClusterAddress; readonly pace: Pace }) {
    this.#of = of;
  }

  getName(): string {
    return "kubeconfig";
  }

  async applySecurityAuthentication(context: RequestContext): Promise<void> {
    const { config, address, pace } = this.#of;
    try {
      await config.applySecurityAuthentication(context);
    } catch (error) {
      throw noToken(error, address);
    }
    const given = context.getDispatcher();
    if (given === undefined) return;
    const nowMs = pace.nowMs();
    if (this.#kept !== undefined && nowMs - this.#kept.sinceMs < connectionsMs) {
      void given.destroy();
      context.setDispatcher(this.#kept.dispatcher);
      return;
    }
    // What is under way on the old ones ends by itself.
    void this.#kept?.dispatcher.close();
    const made = given.compose(onlyTo(new URL(address.server).origin));
    this.#kept = { dispatcher: made, sinceMs: nowMs };
    context.setDispatcher(made);
  }

  close(): void {
    void this.#kept?.dispatcher.destroy();
    this.#kept = undefined;
  }
}
