/** Refuses what may not be done, before anything is changed. */
import { AgentFlowError } from "@agentflow/protocol";
import { missingRights, type Right } from "../rights.ts";
import type { Access, Kind } from "./access.ts";

/** None for a kind that is not served: there is nothing of it. */
export async function rightsTo(
  access: Access,
  kind: Kind,
  verbs: readonly string[],
): Promise<readonly Right[]> {
  const found = await access.resource(kind);
  if (found === undefined) return [];
  const { group, plural, isNamespaced } = found;
  return [{ verbs, group, resource: plural, isClusterWide: !isNamespaced }];
}

/** All that are missing are one error. */
export async function refuseMissing({ cluster, namespace }: Access, rights: readonly Right[]): Promise<void> {
  const missing = await missingRights(cluster, namespace, rights);
  if (missing.length === 0) return;
  const { context } = cluster.address;
  throw new AgentFlowError(
    "forbidden",
    `context ${context} may not ${missing.join(", ")} in namespace ${namespace}`,
    {
      reason: "rights_missing",
      details: { context, namespace, missing },
      suggestions: ["ask for a Role with these rights, or use another context", "nothing was changed"],
    },
  );
}
