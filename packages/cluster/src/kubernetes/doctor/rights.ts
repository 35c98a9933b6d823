/** What we may do there, asked of the cluster itself: to deploy, and to look at what runs. */
import { bad, type EngineCheck, good, note } from "../../docker/doctor/check.ts";
import { at } from "../deploy/reading.ts";
import type { Look } from "./target.ts";

type Right = readonly [verbs: readonly string[], resource: string, group?: string];

const change = ["get", "create", "patch", "delete"] as const;

const toDeploy: readonly Right[] = [
  [change, "deployments", "apps"],
  [change, "statefulsets", "apps"],
  [change, "jobs", "batch"],
  [change, "services"],
  [change, "configmaps"],
  [["get", "list", "create", "update", "patch", "delete"], "secrets"],
  [change, "serviceaccounts"],
  [change, "roles", "rbac.authorization.k8s.io"],
  [change, "rolebindings", "rbac.authorization.k8s.io"],
  [change, "networkpolicies", "networking.k8s.io"],
  [change, "poddisruptionbudgets", "policy"],
  [["get", "create", "update"], "leases", "coordination.k8s.io"],
  [["list"], "events"],
];

const toLook: readonly Right[] = [
  [["get", "list", "watch"], "pods"],
  [["get"], "pods/log"],
  [["get", "create"], "pods/portforward"],
];

const toAttach: readonly Right[] = [[["get", "create"], "pods/exec"]];

export async function rightsChecks(look: Look, isThere: boolean): Promise<EngineCheck[]> {
  const { namespace } = look.target.settings;
  const [deploy, watch, attach, makes] = await Promise.all([
    missing(look, toDeploy),
    missing(look, toLook),
    missing(look, toAttach),
    isThere ? Promise.resolve([]) : missing(look, [[["create"], "namespaces"]]),
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

async function missing(look: Look, rights: readonly Right[]): Promise<string[]> {
  const asked = await Promise.all(
    rights.map(async ([verbs, resource, group = ""]) => {
      const each = await Promise.all(verbs.map((verb) => isAllowed(look, { verb, resource, group })));
      const lacking = verbs.filter((_, n) => each[n] === false);
      return lacking.length === 0 ? [] : [`${lacking.join("/")} ${resource}`];
    }),
  );
  return asked.flat();
}

interface Asked {
  readonly verb: string;
  readonly resource: string;
  readonly group: string;
}

async function isAllowed(
  { cluster, target }: Look,
  { verb, resource: named, group }: Asked,
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
          ...(resource === "namespaces" ? {} : { namespace: target.settings.namespace }),
        },
      },
    },
  });
  return at(answer, "status", "allowed") === true;
}
