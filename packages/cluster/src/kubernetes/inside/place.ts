/** Where an installation lies, as a context keeps it, and the way from there to the cluster itself. */
import { AgentFlowError } from "@agentflow/protocol";
import { delimiter } from "node:path";
import type { Cluster } from "../cluster.ts";
import { openCluster } from "../client/index.ts";
import { kubernetesLabels } from "../labels.ts";
import { releaseNames } from "../release.ts";
import type { InCluster } from "./release-pods.ts";

export interface ClusterPlace {
  /** Context of the kubeconfig; the current one when left out. */
  readonly context?: string;
  /** The context's own when left out. */
  readonly namespace?: string;
  /** Found by its labels when left out. */
  readonly release?: string;
  /** Of whose release, where that is not named: as in the labels. */
  readonly project?: string;
  readonly target?: string;
  /** Files of the kubeconfig; as kubectl finds them when left out. */
  readonly files?: readonly string[];
  /** The API server that was meant: another one under the same name is refused. */
  readonly server?: string;
}

export interface OpenPlace extends InCluster {
  /** Whoever opens it closes it. */
  readonly cluster: Cluster;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Refuses when no installation is there, or several are and none of them is named. */
export async function openPlace(place: ClusterPlace, environment: Environment): Promise<OpenPlace> {
  const { context, files = [], server } = place;
  const cluster = await openCluster({
    ...(context === undefined ? {} : { context }),
    environment: files.length === 0 ? environment : { ...environment, KUBECONFIG: files.join(delimiter) },
  });
  try {
    if (server !== undefined && server !== cluster.address.server) throw anotherServer(cluster, server);
    const namespace = place.namespace ?? cluster.address.namespace;
    const release = place.release ?? (await onlyRelease(cluster, namespace, place));
    return { cluster, namespace, release };
  } catch (error) {
    cluster.close();
    throw error;
  }
}

/** The token of the API, from the Secret that the installation made for itself; asks for that one alone. */
export async function clusterToken({ cluster, namespace, release }: OpenPlace): Promise<string> {
  const names = ["control-plane", "register"].map((of) => releaseNames.keys(release, of));
  for (const name of names) {
    const token = await tokenIn({ cluster, namespace, release }, name);
    if (token !== undefined) return token;
  }
  throw new AgentFlowError("unavailable", `no Secret of ${release} holds the token of its API`, {
    reason: "no_token",
    details: { namespace, release, secrets: names },
    suggestions: ["its job `keys` makes it: af deploy status", "or deploy it again: af deploy TARGET"],
  });
}

async function tokenIn({ cluster, namespace }: OpenPlace, name: string): Promise<string | undefined> {
  try {
    const { data } = await cluster.ask(`reading the token in Secret/${name}`, ({ core }) =>
      core.readNamespacedSecret({ namespace, name }),
    );
    const token = Buffer.from(data?.["token"] ?? "", "base64")
      .toString("utf8")
      .trim();
    return token === "" ? undefined : token;
  } catch (error) {
    if (!AgentFlowError.is(error) || error.code !== "not_found") throw withoutRight(error, name);
    return undefined;
  }
}

/** Who may not read the Secret can be given a token instead. */
function withoutRight(error: unknown, name: string): unknown {
  if (!AgentFlowError.is(error) || error.code !== "forbidden") return error;
  return new AgentFlowError("forbidden", error.message, {
    reason: "token_forbidden",
    details: { ...error.details, needs: `get of Secret ${name}` },
    suggestions: [
      "ask for that right, or for a key of your own: af key create NAME",
      "with a key and an ingress: af context add NAME --url https://…",
    ],
    cause: error,
  });
}

async function onlyRelease(cluster: Cluster, namespace: string, of: ClusterPlace): Promise<string> {
  const found = await releasesIn(cluster, namespace, of);
  const [only, another] = found;
  if (only !== undefined && another === undefined) return only;
  const { context } = cluster.address;
  if (only === undefined && of.target !== undefined) throw notDeployed(cluster, namespace, of.target);
  if (only === undefined) {
    throw new AgentFlowError("not_found", `no installation lies in namespace ${namespace} of ${context}`, {
      reason: "no_release",
      details: { context, namespace },
      suggestions: [
        `where: kubectl --context ${context} get deploy -A -l ${kubernetesLabels.part}=control-plane`,
        "af deploy TARGET",
      ],
    });
  }
  throw new AgentFlowError("invalid_input", `which installation of ${namespace}: ${found.join(", ")}?`, {
    reason: "release_needed",
    details: { context, namespace, releases: found },
    suggestions: found.slice(0, 5).map((release) => `k8s:${context}/${namespace}:${release}`),
  });
}

/** Names of the releases whose control plane is deployed there, also when it does not run. */
export async function releasesIn(
  cluster: Cluster,
  namespace: string,
  { project, target }: Pick<ClusterPlace, "project" | "target"> = {},
): Promise<string[]> {
  const labels = [
    `${kubernetesLabels.part}=control-plane`,
    ...(project === undefined ? [] : [`${kubernetesLabels.project}=${project}`]),
    ...(target === undefined ? [] : [`${kubernetesLabels.target}=${target}`]),
  ];
  const { items } = await cluster.ask("looking for installations", ({ apps }) =>
    apps.listNamespacedDeployment({ namespace, labelSelector: labels.join(",") }),
  );
  const names = items.flatMap(({ metadata }) => metadata?.labels?.[kubernetesLabels.instance] ?? []);
  return [...new Set(names)].sort();
}

function notDeployed({ address }: Cluster, namespace: string, target: string): AgentFlowError {
  const { context } = address;
  return new AgentFlowError(
    "unavailable",
    `${target} is not deployed to namespace ${namespace} of ${context}`,
    {
      reason: "not_up",
      details: { context, namespace, target },
      suggestions: [`af deploy ${target}`, "another one: --context NAME, af context list"],
    },
  );
}

function anotherServer({ address }: Cluster, server: string): AgentFlowError {
  const { context } = address;
  return new AgentFlowError("refused", `${context} leads to ${address.server} now, not to ${server}`, {
    reason: "another_cluster",
    details: { context, server: address.server, meant: server },
    suggestions: ["if both are one cluster, save it anew: af deploy TARGET", "or name the cluster by k8s:…"],
  });
}
