/**
 * What we may do in a cluster, asked of the cluster itself: for the list of what it allows, then, of what
 * that does not name, verb by verb. The list need not be whole, and where there is none, nothing is lost.
 */
import type { Cluster } from "./cluster.ts";
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import { at, listAt, objectsAt } from "./deploy/reading.ts";

export interface Right {
  readonly verbs: readonly string[];
  /** `pods`, `pods/log`. */
  readonly resource: string;
  /** Empty for the core. */
  readonly group?: string;
  /** Of the cluster and not of a namespace. */
  readonly isClusterWide?: boolean;
}

/** What a deploy does to each object that it carries there. */
export const carryVerbs = ["get", "create", "patch", "delete"] as const;

/** What a deploy needs besides, whatever it carries: to see how it goes, and to remember. */
export const rightsToDeploy: readonly Right[] = [
  { verbs: ["list"], resource: "deployments", group: "apps" },
  { verbs: ["list"], resource: "statefulsets", group: "apps" },
  { verbs: ["list"], resource: "replicasets", group: "apps" },
  { verbs: ["list"], resource: "jobs", group: "batch" },
  { verbs: ["get", "list"], resource: "pods" },
  { verbs: ["get"], resource: "pods/log" },
  { verbs: ["list"], resource: "events" },
  { verbs: carryVerbs, resource: "configmaps" },
  { verbs: [...carryVerbs, "list", "update"], resource: "secrets" },
  { verbs: ["get", "create", "update"], resource: "leases", group: "coordination.k8s.io" },
];

export const rightToMakeNamespaces: Right = {
  verbs: ["create"],
  resource: "namespaces",
  isClusterWide: true,
};

/** `get/patch deployments.apps`, one for each resource of which something is lacking. */
export async function missingRights(
  cluster: Cluster,
  namespace: string,
  rights: readonly Right[],
): Promise<readonly string[]> {
  const rules = await rulesOf(cluster, namespace);
  const open = byResource(rights).flatMap((right) => stillOpen(right, rules));
  const asked = await Promise.all(
    open.map(async (right) => {
      const each = await Promise.all(
        right.verbs.map(async (verb) => isAllowed(cluster, namespace, { ...right, verb })),
      );
      const lacking = right.verbs.filter((_, n) => each[n] === false);
      return lacking.length === 0 ? [] : [`${lacking.join("/")} ${nameOf(right)}`];
    }),
  );
  return asked.flat();
}

function nameOf({ resource, group = "" }: Right): string {
  return group === "" ? resource : `${resource}.${group}`;
}

/** Each verb once, in the order in which they come. */
function byResource(rights: readonly Right[]): readonly Right[] {
  const found = new Map<string, Right>();
  for (const right of rights) {
    const known = found.get(nameOf(right))?.verbs ?? [];
    found.set(nameOf(right), { ...right, verbs: [...new Set([...known, ...right.verbs])] });
  }
  return [...found.values()];
}

/** Of rules for single names nothing follows for others. */
async function rulesOf(cluster: Cluster, namespace: string): Promise<readonly JsonObject[]> {
  try {
    const answer = await cluster.send("asking what may be done", {
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectRulesReview",
        spec: { namespace },
      },
    });
    const rules = objectsAt(answer, "status", "resourceRules");
    return rules.filter((rule) => listAt(rule, "resourceNames").length === 0);
  } catch (error) {
    if (AgentFlowError.is(error) && (error.code === "forbidden" || error.code === "not_found")) return [];
    throw error;
  }
}

/** The list is for a namespace: of what belongs to the cluster it says nothing. */
function stillOpen(right: Right, rules: readonly JsonObject[]): readonly Right[] {
  if (right.isClusterWide === true) return [right];
  const verbs = right.verbs.filter(
    (verb) =>
      !rules.some(
        (rule) =>
          names(rule, "verbs", verb) &&
          names(rule, "apiGroups", right.group ?? "") &&
          names(rule, "resources", right.resource),
      ),
  );
  return verbs.length === 0 ? [] : [{ ...right, verbs }];
}

function names(rule: JsonObject, list: string, wanted: string): boolean {
  return listAt(rule, list).some((one) => one === wanted || one === "*");
}

async function isAllowed(
  cluster: Cluster,
  namespace: string,
  { verb, resource: named, group = "", isClusterWide }: Right & { readonly verb: string },
): Promise<boolean> {
  const [resource = "", subresource] = named.split("/");
  const answer = await cluster.send("asking what may be done", {
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: {
        resourceAttributes: {
          verb,
          group,
          resource,
          ...(subresource === undefined ? {} : { subresource }),
          ...(isClusterWide === true ? {} : { namespace }),
        },
      },
    },
  });
  return at(answer, "status", "allowed") === true;
}
