/** After a deploy: the target's own name leads there, also when the kubeconfig has something else in use. */
import { AgentFlowError } from "@agentflow/protocol";
import { saveClusterContext } from "../config/contexts.ts";
import type { ClusterTarget } from "./open.ts";

/**
 * The token is in it only where an ingress leads there without the cluster's help. What keeps it from being
 * written - a full disk, a folder of somebody else's - is answered: the deploy itself is done.
 */
export async function saveDeployed(on: ClusterTarget): Promise<readonly string[]> {
  try {
    await save(on);
    return [];
  } catch (error) {
    const { name } = on.project.target;
    const { message } = AgentFlowError.from(error, "saving the context");
    return [`deployed, but --context ${name} may not lead there from here: ${message}`];
  }
}

async function save(on: ClusterTarget): Promise<void> {
  const { cluster, namespace, release, project } = on;
  const { settings, name, project: definition } = project.target;
  const { context, files, server } = cluster.address;
  const host = settings.kind === "kubernetes" ? settings.ingress?.host : undefined;
  const token = host === undefined ? undefined : await tokenOf(on);
  saveClusterContext({
    folder: project.dir,
    project: definition.name,
    target: name,
    place: { context, namespace, release, files, server },
    ...(host === undefined ? {} : { url: `https://${host}` }),
    ...(token === undefined ? {} : { token }),
  });
}

/** Who may not read it is asked for it when it is needed. */
async function tokenOf({ cluster, namespace, release }: ClusterTarget): Promise<string | undefined> {
  const { clusterToken } = await import("@agentflow/cluster/inside-cluster");
  return clusterToken({ cluster, namespace, release }).catch(() => undefined);
}
