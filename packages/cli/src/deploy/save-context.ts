/** After a deploy: the target's own name leads there, also when the kubeconfig has something else in use. */
import { saveClusterContext } from "../config/contexts.ts";
import type { ClusterTarget } from "./open.ts";

/** Answers the file. The token is in it only where an ingress leads there without the cluster's help. */
export async function saveDeployed(on: ClusterTarget): Promise<string> {
  const { cluster, namespace, release, project } = on;
  const { settings, name, project: definition } = project.target;
  const { context, files, server } = cluster.address;
  const host = settings.kind === "kubernetes" ? settings.ingress?.host : undefined;
  const token = host === undefined ? undefined : await tokenOf(on);
  return saveClusterContext({
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
