/** What a sandbox would be on a target in a cluster: by its release, and by what the cluster has of it. */
import type { PlannedSandbox, SandboxThere } from "@agentflow/cluster/kubernetes";
import { AgentFlowError, type SandboxPolicy } from "@agentflow/protocol";
import type { Environment } from "../config/context-places.ts";
import { targetsOf } from "../config/project-contexts.ts";
import { openProjectTarget } from "../targets/open.ts";

export interface SandboxInCluster {
  readonly target: string;
  readonly release: string;
  readonly namespace: string;
  readonly runtimeClass: string;
  /** What no call can have less or more of. */
  readonly fixed: typeof fixed;
  readonly networkPolicy: string;
  readonly broker: { readonly account: string; readonly rights: readonly string[] };
  readonly cluster:
    | ({ readonly answers: true; readonly context: string } & SandboxThere)
    | { readonly answers: false; readonly message: string; readonly suggestions: readonly string[] };
}

const fixed = {
  profile: "kubernetes",
  user: "one of its own for each call, from 1000000000 on",
  seccomp: "RuntimeDefault",
  root: "read-only",
  token: "none",
} as const;

export interface OnTarget {
  /** `sandbox` of agentflow.yaml as the target has it; undefined: it makes none. */
  readonly policy: SandboxPolicy | undefined;
  readonly there: SandboxInCluster | undefined;
}

/** Refuses a target of another kind. A cluster that does not answer is told as that. */
export async function sandboxInCluster(of: {
  readonly dir: string;
  readonly target: string;
  readonly environment: Environment;
}): Promise<OnTarget> {
  const { dir, target: name, environment } = of;
  const known = targetsOf(dir).flatMap((one) => (one.kind === "kubernetes" ? [one.name] : []));
  if (!known.includes(name)) throw noClusterTarget(name, known);
  const { target } = await openProjectTarget({ folder: dir, environment, target: name, scale: [] });
  const { plannedSandbox } = await import("@agentflow/cluster/kubernetes");
  const planned = plannedSandbox(target);
  const policy = target.project.sandbox;
  if (planned === undefined) return { policy, there: undefined };
  const { release, namespace, runtimeClass, policy: networkPolicy, account, rights } = planned;
  const { settings } = target;
  const context = settings.kind === "kubernetes" ? settings.context : undefined;
  const cluster = await askCluster({ planned, context, environment });
  const broker = { account, rights };
  return {
    policy,
    there: { target: name, release, namespace, runtimeClass, fixed, networkPolicy, broker, cluster },
  };
}

async function askCluster(of: {
  readonly planned: PlannedSandbox;
  readonly context: string | undefined;
  readonly environment: Environment;
}): Promise<SandboxInCluster["cluster"]> {
  const { planned, context, environment } = of;
  const { openCluster, seeSandbox } = await import("@agentflow/cluster/kubernetes");
  try {
    const named = context === undefined ? {} : { context };
    const cluster = await openCluster({ environment, namespace: planned.namespace, ...named });
    try {
      const there = await seeSandbox(cluster, planned);
      return { answers: true, context: cluster.address.context, ...there };
    } finally {
      cluster.close();
    }
  } catch (error) {
    const { message, suggestions } = AgentFlowError.from(error, "asking the cluster");
    return { answers: false, message, suggestions };
  }
}

function noClusterTarget(name: string, known: readonly string[]): AgentFlowError {
  const message = `${name} is no target in a cluster`;
  return new AgentFlowError("invalid_input", message, {
    reason: "no_cluster_target",
    details: { target: name, known },
    suggestions:
      known.length === 0
        ? ["write one in agentflow.yaml: targets: {prod: {kind: kubernetes, runtimeClass: gvisor}}"]
        : [`there are: ${known.join(", ")}`],
  });
}
