/** `k8s:<context>/<namespace>`: an installation named by where it lies, without a file that says so. */
import type { ClusterPlace } from "@agentflow/cluster/inside-cluster";
import { AgentFlowError } from "@agentflow/protocol";

const begin = "k8s:";
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export function isClusterName(name: string): boolean {
  return name.startsWith(begin);
}

/**
 * The context of the kubeconfig (it may hold slashes and colons; the current one when empty), the namespace,
 * and behind a colon the release where the namespace has several. Refuses what is none of that.
 */
export function clusterNamed(name: string): ClusterPlace {
  const rest = name.slice(begin.length);
  const at = rest.lastIndexOf("/");
  const [context, behind] = at < 0 ? [rest, ""] : [rest.slice(0, at), rest.slice(at + 1)];
  const [namespace = "", release, ...more] = behind.split(":");
  const isNamed = at < 0 ? context !== "" : label.test(namespace);
  const isWhole = more.length === 0 && (release === undefined || label.test(release));
  if (isClusterName(name) && isNamed && isWhole) {
    return {
      ...(context === "" ? {} : { context }),
      ...(at < 0 ? {} : { namespace }),
      ...(release === undefined ? {} : { release }),
    };
  }
  throw new AgentFlowError(
    "invalid_input",
    `${JSON.stringify(name.slice(0, 200))} names no place in a cluster`,
    {
      reason: "invalid_cluster_name",
      suggestions: [
        "k8s:CONTEXT/NAMESPACE, of several there k8s:CONTEXT/NAMESPACE:RELEASE",
        "contexts there are: kubectl config get-contexts",
      ],
    },
  );
}

/** The other way: as it is written in files and shown. */
export function nameOfCluster({ context = "", namespace, release }: ClusterPlace): string {
  const where = namespace === undefined ? context : `${context}/${namespace}`;
  return `${begin}${where}${release === undefined ? "" : `:${release}`}`;
}
