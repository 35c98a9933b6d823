/** Whether nodes can log in to the registry: the Secrets that a target names, as its namespace has them. */
import { AgentFlowError } from "@agentflow/protocol";
import { bareServer, hostOf, serverOf } from "./names.ts";
import { parseSecretServers } from "./parse-docker-config.ts";

const secretType = "kubernetes.io/dockerconfigjson";
const secretKey = ".dockerconfigjson";

/** A Secret as the cluster has it. */
export interface PullSecret {
  readonly type: string;
  readonly data?: Readonly<Record<string, string>>;
}

export interface PullSecretCheck {
  /** `pullSecrets` of the target. */
  readonly names: readonly string[];
  readonly namespace: string;
  /** `registry` of the target. */
  readonly registry?: string;
  /** Undefined where there is none of that name. */
  readonly read: (name: string) => Promise<PullSecret | undefined>;
}

/**
 * Throws at the first that is missing or of another type. Answers with what a person should know: that none
 * of them has a login for the registry. Nothing of what they hold is in either.
 */
export async function checkPullSecrets(check: PullSecretCheck): Promise<readonly string[]> {
  const { names, namespace, registry, read } = check;
  const servers: string[] = [];
  for (const name of names) {
    const secret = await read(name);
    if (secret === undefined) throw missing(name, namespace);
    if (secret.type !== secretType) throw ofAnotherType(name, { namespace, type: secret.type });
    servers.push(...parseSecretServers(secret.data?.[secretKey] ?? ""));
  }
  if (registry === undefined || names.length === 0) return [];
  const host = hostOf(`${registry}/`);
  const wanted = bareServer(serverOf(host));
  if (servers.some((server) => bareServer(server) === wanted)) return [];
  return [
    `none of the pull secrets (${names.join(", ")}) has a login for ${host}: nodes may not pull from it`,
  ];
}

function create(name: string, namespace: string): string {
  const file = "$HOME/.docker/config.json";
  const from = `--type=${secretType} --from-file=${secretKey}=${file}`;
  return `kubectl -n ${namespace} create secret generic ${name} ${from}`;
}

function missing(name: string, namespace: string): AgentFlowError {
  return new AgentFlowError(
    "not_found",
    `there is no secret ${name} in namespace ${namespace} to pull images with`,
    {
      reason: "pull_secret_missing",
      details: { secret: name, namespace },
      suggestions: [create(name, namespace), "or name another: pullSecrets of the target in agentflow.yaml"],
    },
  );
}

function ofAnotherType(
  name: string,
  { namespace, type }: { readonly namespace: string; readonly type: string },
): AgentFlowError {
  return new AgentFlowError(
    "refused",
    `the secret ${name} in namespace ${namespace} is of type ${type}: nodes pull with ${secretType} alone`,
    {
      reason: "pull_secret_type",
      details: { secret: name, namespace, type },
      suggestions: [create(`${name}-registry`, namespace)],
    },
  );
}
