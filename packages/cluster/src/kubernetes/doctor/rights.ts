/** What we may do there: to deploy, and to look at what runs. */
import { bad, type EngineCheck, good, note } from "../../docker/doctor/check.ts";
import { carryVerbs, missingRights, type Right, rightsToDeploy, rightToMakeNamespaces } from "../rights.ts";
import type { Look } from "./target.ts";

const carried: readonly (readonly [resource: string, group?: string])[] = [
  ["deployments", "apps"],
  ["statefulsets", "apps"],
  ["jobs", "batch"],
  ["services"],
  ["serviceaccounts"],
  ["roles", "rbac.authorization.k8s.io"],
  ["rolebindings", "rbac.authorization.k8s.io"],
  ["networkpolicies", "networking.k8s.io"],
  ["poddisruptionbudgets", "policy"],
];

const toDeploy: readonly Right[] = [
  ...carried.map(([resource, group = ""]) => ({ verbs: carryVerbs, resource, group })),
  ...rightsToDeploy,
];

const toLook: readonly Right[] = [
  { verbs: ["get", "list", "watch"], resource: "pods" },
  { verbs: ["get"], resource: "pods/log" },
  { verbs: ["get", "create"], resource: "pods/portforward" },
];

const toAttach: readonly Right[] = [{ verbs: ["get", "create"], resource: "pods/exec" }];

export async function rightsChecks(look: Look, isThere: boolean): Promise<EngineCheck[]> {
  const { namespace } = look.target.settings;
  const missing = async (rights: readonly Right[]): Promise<readonly string[]> =>
    missingRights(look.cluster, namespace, rights);
  const [deploy, watch, attach, makes] = await Promise.all([
    missing(toDeploy),
    missing(toLook),
    missing(toAttach),
    isThere ? Promise.resolve([]) : missing([rightToMakeNamespaces]),
  ]);
  const lacks = [...makes, ...deploy];
  const fix = `a Role in ${namespace} with them, or another context: \`context:\` of ${look.target.name}`;
  return [
    lacks.length === 0
      ? good("rights", `you may deploy to ${namespace}`)
      : bad("rights", `to deploy to ${namespace} you lack: ${lacks.join(", ")}`, fix),
    watch.length === 0
      ? good("rights", "you may see pods, read their logs and forward ports")
      : bad("rights", `to look at what runs in ${namespace} you lack: ${watch.join(", ")}`, fix),
    attach.length === 0
      ? good("rights", "you may run programs in pods: af debug attach works")
      : note("rights", `for af debug attach you lack: ${attach.join(", ")}`, fix),
  ];
}
