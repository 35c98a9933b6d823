/** Which cluster is meant: the files of a kubeconfig, as kubectl reads them, and a context among them. */
import { AgentFlowError, nearest } from "@agentflow/protocol";
import type { KubeConfig } from "@kubernetes/client-node";
import { existsSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import { homedir } from "node:os";
import type { ClusterAddress } from "../cluster.ts";

export interface ClusterLooking {
  /** Context of the kubeconfig; the current one when left out. */
  readonly context?: string;
  /** File, instead of KUBECONFIG and ~/.kube/config. */
  readonly kubeconfig?: string;
  readonly namespace?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface FoundCluster {
  readonly config: KubeConfig;
  readonly address: ClusterAddress;
}

const tokenInPod = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** Refuses with the contexts that there are, and the one that was perhaps meant. Asks nobody. */
export async function findCluster(looking: ClusterLooking): Promise<FoundCluster> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const files = filesOf(looking);
  const there = files.filter((file) => existsSync(file));
  const config = new KubeConfig();
  if (there.length === 0) {
    const inPod = looking.environment["KUBERNETES_SERVICE_HOST"] !== undefined && existsSync(tokenInPod);
    if (!inPod || looking.kubeconfig !== undefined) throw noKubeconfig(files);
    config.loadFromCluster();
  }
  config.loadFromOptions(there.length === 0 ? config : merged(there.map((file) => read(KubeConfig, file))));
  const name = looking.context ?? config.currentContext;
  const known = config.contexts.map((context) => context.name);
  if (name === undefined || name === "") throw noContext(known, there);
  const context = config.getContextObject(name);
  if (context === null) throw unknownContext({ name, known, files: there });
  const cluster = config.getCluster(context.cluster);
  if (cluster === null)
    throw dangling({ context: name, word: "cluster", name: context.cluster, files: there });
  if (context.user !== undefined && context.user !== "" && config.getUser(context.user) === null)
    throw dangling({ context: name, word: "user", name: context.user, files: there });
  checkServer(name, cluster);
  config.setCurrentContext(name);
  const tokens = tokensOf(config);
  const namespace = looking.namespace ?? (context.namespace || "default");
  if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace)) throw noNamespace(name, namespace);
  const address: ClusterAddress = {
    context: name,
    server: cluster.server,
    namespace,
    files: there,
    ...(tokens === undefined ? {} : { tokens }),
  };
  return { config, address };
}

function filesOf({ kubeconfig, environment }: ClusterLooking): readonly string[] {
  if (kubeconfig !== undefined) return [resolve(kubeconfig)];
  const named = (environment["KUBECONFIG"] ?? "").split(delimiter).filter((file) => file !== "");
  if (named.length > 0) return named.map((file) => resolve(file));
  return [join(environment["HOME"] ?? homedir(), ".kube", "config")];
}

function read(Config: typeof KubeConfig, file: string): KubeConfig {
  const config = new Config();
  try {
    config.loadFromFile(file);
  } catch (error) {
    const said = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw new AgentFlowError("invalid_input", `${file} is no kubeconfig: ${said}`, {
      reason: "kubeconfig_invalid",
      details: { file },
      suggestions: [`see what is wrong: kubectl --kubeconfig ${file} config view`],
      cause: error,
    });
  }
  // As for kubectl: a command with a slash in its name is looked for beside the file.
  for (const user of config.users) {
    const exec: unknown = user.exec;
    if (!isCommand(exec) || !exec.command.includes("/") || isAbsolute(exec.command)) continue;
    exec.command = join(dirname(file), exec.command);
  }
  return config;
}

/** As kubectl merges: of two with the same name the first file's holds. */
function merged(configs: readonly KubeConfig[]): object {
  const first = <T extends { readonly name: string }>(all: readonly T[]): T[] => [
    ...new Map(all.toReversed().map((one) => [one.name, one])).values(),
  ];
  return {
    clusters: first(configs.flatMap(({ clusters }) => clusters)).toReversed(),
    users: first(configs.flatMap(({ users }) => users)).toReversed(),
    contexts: first(configs.flatMap(({ contexts }) => contexts)).toReversed(),
    currentContext: configs.map(({ currentContext }) => currentContext).find((name) => Boolean(name)),
  };
}

function tokensOf(config: KubeConfig): string | undefined {
  const exec: unknown = config.getCurrentUser()?.exec;
  return isCommand(exec) ? exec.command : undefined;
}

function isCommand(exec: unknown): exec is { command: string } {
  return typeof exec === "object" && exec !== null && "command" in exec && typeof exec.command === "string";
}

function noKubeconfig(files: readonly string[]): AgentFlowError {
  return new AgentFlowError("not_found", `no cluster is known here: there is no ${files.join(", no ")}`, {
    reason: "no_kubeconfig",
    details: { files },
    suggestions: ["name the file: KUBECONFIG=FILE", "or let your cluster's own tool write ~/.kube/config"],
  });
}

function noContext(known: readonly string[], files: readonly string[]): AgentFlowError {
  return new AgentFlowError("invalid_input", "which cluster: the kubeconfig names no current context", {
    reason: "no_current_context",
    details: { contexts: known, files },
    suggestions: [...known.slice(0, 1).map((name) => `kubectl config use-context ${name}`), listed(known)],
  });
}

function unknownContext(of: {
  readonly name: string;
  readonly known: readonly string[];
  readonly files: readonly string[];
}): AgentFlowError {
  const { name, known, files } = of;
  const near = nearest(name, known);
  return new AgentFlowError("not_found", `the kubeconfig has no context "${name}"`, {
    reason: "kube_context_unknown",
    details: { context: name, contexts: known, files },
    suggestions: [...(near === undefined ? [] : [`did you mean: ${near}`]), listed(known)],
  });
}

function listed(known: readonly string[]): string {
  return known.length === 0 ? "it names none at all" : `there are: ${known.join(", ")}`;
}

function dangling(of: {
  readonly context: string;
  readonly word: string;
  readonly name: string;
  readonly files: readonly string[];
}): AgentFlowError {
  const { context, word, name, files } = of;
  return new AgentFlowError(
    "invalid_input",
    `context ${context} names ${word} "${name}", which is not there`,
    {
      reason: "kubeconfig_invalid",
      details: { context, files },
      suggestions: [`see ${files.join(", ")}: kubectl config view`],
    },
  );
}

function checkServer(
  context: string,
  { server, skipTLSVerify }: { readonly server: string; readonly skipTLSVerify?: boolean },
): void {
  const url = URL.parse(server);
  // Without its words: a password may be among them.
  const isPlain = url !== null && url.username === "" && url.password === "" && url.hostname !== "";
  if (!isPlain || !/^https?:$/.test(url.protocol)) {
    throw new AgentFlowError(
      "invalid_input",
      `the server of context ${context} is no address of an API server`,
      {
        reason: "kubeconfig_invalid",
        details: { context },
        suggestions: ["write it as https://HOST:PORT; logins stand in `users`: kubectl config view"],
      },
    );
  }
  if (url.protocol === "http:" && skipTLSVerify !== true) throw plainHttp(context, server);
}

function noNamespace(context: string, namespace: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `${JSON.stringify(namespace)} is no name of a namespace`, {
    reason: "kubeconfig_invalid",
    details: { context, namespace },
    suggestions: ["`namespace:` of the context in the kubeconfig, or of the target"],
  });
}

function plainHttp(context: string, server: string): AgentFlowError {
  return new AgentFlowError(
    "refused",
    `context ${context} leads to ${server}: tokens would travel in the clear`,
    {
      reason: "cluster_without_tls",
      details: { context, server },
      suggestions: ["use https, or say that it is meant: insecure-skip-tls-verify: true of that cluster"],
    },
  );
}
