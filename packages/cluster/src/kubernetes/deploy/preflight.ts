/** Before anything is changed: whether the cluster can carry the release, and whether we may. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import type { Cluster } from "../cluster.ts";
import { type Access, identityOf, type Kind, notServed } from "./access.ts";
import { checkQuota } from "./quota.ts";
import { at, isObject, kindOf, nameOf, objectsAt, textAt, textsAt } from "./reading.ts";
import { isWorkload } from "./seen.ts";

export interface Preflight {
  /** `v1.36.2`. */
  readonly version: string;
  readonly isNamespaceThere: boolean;
  /** What a person should know. */
  readonly notes: readonly string[];
}

export interface Preflighting {
  readonly access: Access;
  readonly objects: readonly JsonObject[];
}

/** Refuses with all that is missing of one kind at once, nothing changed. */
export async function preflight({ access, objects }: Preflighting): Promise<Preflight> {
  const { cluster, namespace } = access;
  const version = textAt(
    await cluster.send("asking the cluster for its version", { method: "GET", path: "/version" }),
    "gitVersion",
  );
  const isNamespaceThere = await namespaceState(access);
  await checkServed(access, objects);
  await checkRights(access, { objects, isNamespaceThere });
  const notes: string[] = [];
  await checkRuntimeClasses(access, objects, notes);
  await checkStorage(access, objects, notes);
  if (isNamespaceThere) await checkQuota(access, objects);
  else notes.push(`namespace ${namespace} is not there yet and will be made`);
  return { version, isNamespaceThere, notes };
}

/** KEDA's ScaledObject: what rendering depends on. */
export async function servesKeda(access: Access): Promise<boolean> {
  return (await access.resource({ apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject" })) !== undefined;
}

async function namespaceState({ cluster, namespace }: Access): Promise<boolean> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
  try {
    const found = await cluster.send(`reading namespace ${namespace}`, { method: "GET", path });
    if (textAt(found, "status", "phase") !== "Terminating") return true;
  } catch (error) {
    if (AgentFlowError.is(error) && error.code === "not_found") return false;
    // Who may not read namespaces may still work in one.
    if (AgentFlowError.is(error) && error.code === "forbidden") return true;
    throw error;
  }
  throw new AgentFlowError("conflict", `namespace ${namespace} is being removed`, {
    reason: "namespace_terminating",
    suggestions: ["try again when it is gone", "or deploy into another: `namespace:` of the target"],
  });
}

async function checkServed(access: Access, objects: readonly JsonObject[]): Promise<void> {
  const kinds = new Map<string, Kind>();
  for (const { apiVersion, kind } of objects.map(identityOf))
    kinds.set(`${apiVersion}/${kind}`, { apiVersion, kind });
  const asked = await Promise.all(
    [...kinds.values()].map(async (kind) => ((await access.resource(kind)) === undefined ? [kind] : [])),
  );
  const missing = asked.flat();
  if (missing.length > 0) throw notServed(missing);
}

interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly isNamespaced: boolean;
}

async function checkRights(
  access: Access,
  of: { readonly objects: readonly JsonObject[]; readonly isNamespaceThere: boolean },
): Promise<void> {
  const rights = await neededRights(access, of);
  const asked = await Promise.all(
    rights.map(async (right) => ((await isAllowed(access, right)) ? [] : [rightText(right)])),
  );
  const missing = asked.flat();
  if (missing.length === 0) return;
  const { context } = access.cluster.address;
  throw new AgentFlowError(
    "forbidden",
    `context ${context} may not ${missing.join(", ")} in namespace ${access.namespace}`,
    {
      reason: "rights_missing",
      details: { context, namespace: access.namespace, missing },
      suggestions: ["ask for a Role with these rights, or use another context", "nothing was changed"],
    },
  );
}

async function neededRights(
  access: Access,
  of: { readonly objects: readonly JsonObject[]; readonly isNamespaceThere: boolean },
): Promise<readonly Right[]> {
  const kinds = new Map<string, Kind>(
    [
      ...of.objects.map(identityOf),
      { apiVersion: "v1", kind: "ConfigMap" },
      { apiVersion: "v1", kind: "Secret" },
    ].map(({ apiVersion, kind }) => [`${apiVersion}/${kind}`, { apiVersion, kind }]),
  );
  const rights: Right[] = [];
  for (const kind of kinds.values()) {
    const resource = await access.resource(kind);
    if (resource === undefined) continue;
    const { group, plural, isNamespaced } = resource;
    for (const verb of ["get", "create", "patch", "delete"])
      rights.push({ verb, group, resource: plural, isNamespaced });
  }
  const own = (verb: string, group: string, resource: string, subresource?: string): Right => ({
    verb,
    group,
    resource,
    isNamespaced: true,
    ...(subresource === undefined ? {} : { subresource }),
  });
  for (const resource of ["deployments", "statefulsets", "replicasets"])
    rights.push(own("list", "apps", resource));
  rights.push(own("list", "batch", "jobs"), own("list", "", "pods"), own("get", "", "pods"));
  rights.push(own("get", "", "pods", "log"), own("list", "", "events"));
  rights.push(own("list", "", "secrets"), own("update", "", "secrets"));
  for (const verb of ["get", "create", "update"]) rights.push(own(verb, "coordination.k8s.io", "leases"));
  if (!of.isNamespaceThere)
    rights.push({ verb: "create", group: "", resource: "namespaces", isNamespaced: false });
  return rights;
}

async function isAllowed(access: Access, right: Right): Promise<boolean> {
  const { verb, group, resource, subresource, isNamespaced } = right;
  const answer = await access.cluster.send("asking what may be done", {
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
          ...(isNamespaced ? { namespace: access.namespace } : {}),
        },
      },
    },
  });
  return at(answer, "status", "allowed") === true;
}

function rightText({ verb, group, resource, subresource }: Right): string {
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `${verb} ${group === "" ? what : `${what}.${group}`}`;
}

function podSpecs(objects: readonly JsonObject[]): readonly JsonObject[] {
  return objects
    .filter((one) => isWorkload({ kind: kindOf(one) }))
    .flatMap((one) => {
      const spec = at(one, "spec", "template", "spec");
      return isObject(spec) ? [spec] : [];
    });
}

async function checkRuntimeClasses(
  { cluster }: Access,
  objects: readonly JsonObject[],
  notes: string[],
): Promise<void> {
  const named = podSpecs(objects).map((spec) => textAt(spec, "runtimeClassName"));
  for (const name of new Set(named.filter((one) => one !== ""))) {
    const found = await clusterWide(
      cluster,
      `/apis/node.k8s.io/v1/runtimeclasses/${encodeURIComponent(name)}`,
    );
    if (found === "forbidden") {
      notes.push(`whether RuntimeClass ${name} is there may not be asked`);
      continue;
    }
    if (found === undefined) throw noRuntimeClass(name);
    const selector = textsAt(found, "scheduling", "nodeSelector");
    const nodes = await clusterWide(cluster, "/api/v1/nodes");
    if (nodes === "forbidden" || nodes === undefined) continue;
    const fit = objectsAt(nodes, "items").filter((node) => hasLabels(node, selector));
    if (fit.length === 0) throw noNode(name, selector);
  }
}

function hasLabels(node: JsonObject, selector: Readonly<Record<string, string>>): boolean {
  const labels = textsAt(node, "metadata", "labels");
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

function noRuntimeClass(name: string): AgentFlowError {
  return new AgentFlowError("refused", `the cluster has no RuntimeClass ${name}; untrusted tools need it`, {
    reason: "runtime_class_missing",
    suggestions: [
      "what there is: kubectl get runtimeclass",
      "or name another: `runtimeClass:` of the target",
    ],
  });
}

function noNode(name: string, selector: Readonly<Record<string, string>>): AgentFlowError {
  const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  return new AgentFlowError(
    "refused",
    `no node takes pods of RuntimeClass ${name} (it wants ${labels.join(", ")})`,
    {
      reason: "runtime_class_unschedulable",
      suggestions: ["label the nodes that have it: kubectl label node NODE " + labels.join(" ")],
    },
  );
}

async function checkStorage(
  { cluster }: Access,
  objects: readonly JsonObject[],
  notes: string[],
): Promise<void> {
  const claims = [
    ...objects.filter((one) => kindOf(one) === "PersistentVolumeClaim"),
    ...objects.flatMap((one) => objectsAt(one, "spec", "volumeClaimTemplates")),
  ];
  if (claims.length === 0) return;
  const answer = await clusterWide(cluster, "/apis/storage.k8s.io/v1/storageclasses");
  if (answer === "forbidden" || answer === undefined) {
    notes.push("which storage classes there are may not be asked");
    return;
  }
  const classes = objectsAt(answer, "items");
  const names = classes.map(nameOf);
  const known = names.length === 0 ? "it has none at all" : `there are: ${names.join(", ")}`;
  for (const claim of claims) {
    const wanted = textAt(claim, "spec", "storageClassName");
    if (wanted !== "" && !names.includes(wanted)) throw noStorage(`no storage class ${wanted}`, known);
    const standard = classes.some(
      (one) =>
        textsAt(one, "metadata", "annotations")["storageclass.kubernetes.io/is-default-class"] === "true",
    );
    if (wanted === "" && !standard) throw noStorage("no default storage class", known);
  }
}

function noStorage(what: string, known: string): AgentFlowError {
  return new AgentFlowError("refused", `the cluster has ${what}`, {
    reason: "storage_class_missing",
    suggestions: ["name one: `storage: {className: …}` of the target in agentflow.yaml", known],
  });
}

async function clusterWide(cluster: Cluster, path: string): Promise<JsonObject | "forbidden" | undefined> {
  try {
    const found = await cluster.send(`reading ${path}`, { method: "GET", path });
    return isObject(found) ? found : undefined;
  } catch (error) {
    if (AgentFlowError.is(error) && error.code === "forbidden") return "forbidden";
    if (AgentFlowError.is(error) && error.code === "not_found") return undefined;
    throw error;
  }
}
