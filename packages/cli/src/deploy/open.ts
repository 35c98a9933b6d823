/** A target in a cluster, opened: the project's side of it, and the cluster's. */
import type { Cluster } from "@agentflow/cluster/kubernetes";
import { AgentFlowError } from "@agentflow/protocol";
import type { Environment } from "../config/context-places.ts";
import { openProjectTarget, type ProjectTarget } from "../targets/open.ts";
import { chooseClusterTarget } from "./choose.ts";

export interface OpeningDeploy {
  readonly folder: string;
  readonly environment: Environment;
  readonly target: string | undefined;
  readonly context: string | undefined;
  /** Refuses what is wrong in workflows and agents: they are about to be carried there. */
  readonly whole?: boolean;
}

export interface ClusterTarget {
  readonly project: ProjectTarget;
  readonly cluster: Cluster;
  readonly namespace: string;
  /** Begins the name of every object. */
  readonly release: string;
  /** Context and namespace, for people: said before anything is changed. */
  readonly where: string;
  [Symbol.dispose](): void;
}

/** Refuses a target of another kind, naming the command that takes it. */
export async function openClusterTarget(opening: OpeningDeploy): Promise<ClusterTarget> {
  const { environment } = opening;
  const project = await openProjectTarget({ ...opening, choose: chooseClusterTarget, scale: [] });
  const { settings, name } = project.target;
  if (settings.kind !== "kubernetes") throw otherKind(name, settings.kind);
  const [{ openCluster }, { releaseName }] = await Promise.all([
    import("@agentflow/cluster/kubernetes"),
    import("@agentflow/cluster"),
  ]);
  const { context, namespace } = settings;
  const cluster = await openCluster({
    environment,
    namespace,
    ...(context === undefined ? {} : { context }),
  });
  return {
    project,
    cluster,
    namespace,
    release: releaseName({ project: project.target.project.name, target: name }),
    where: `${cluster.address.context}/${namespace}`,
    [Symbol.dispose]() {
      cluster.close();
    },
  };
}

function otherKind(name: string, kind: string): AgentFlowError {
  return new AgentFlowError("invalid_input", `the target ${name} is ${kind}, not kubernetes`, {
    reason: "target_kind",
    suggestions: [kind === "docker" ? `af up ${name}` : "af dev"],
  });
}
