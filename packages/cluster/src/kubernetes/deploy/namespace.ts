/** The namespace of a release, and the labels of what `af deploy` makes for itself. */
import { AgentFlowError } from "@agentflow/protocol";
import { kubernetesLabels, manager } from "../labels.ts";
import type { Release } from "../release.ts";
import type { Access } from "./access.ts";

export function ownLabels(
  release: Pick<Release, "name" | "project" | "target">,
): Readonly<Record<string, string>> {
  return {
    [kubernetesLabels.managedBy]: manager,
    [kubernetesLabels.instance]: release.name,
    [kubernetesLabels.project]: release.project,
    [kubernetesLabels.target]: release.target,
  };
}

/** Made once and never touched again: it may hold more than this release. */
export async function makeNamespace(access: Access, release: Release): Promise<void> {
  const { namespace } = access;
  try {
    await access.cluster.send(`making namespace ${namespace}`, {
      method: "POST",
      path: "/api/v1/namespaces",
      body: {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: {
          name: namespace,
          labels: { ...ownLabels(release), "pod-security.kubernetes.io/enforce": "restricted" },
        },
      },
    });
  } catch (error) {
    if (AgentFlowError.is(error) && error.code === "already_exists") return;
    throw error;
  }
}
