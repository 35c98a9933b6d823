/** Before anything is changed: whether the cluster can carry the release, and whether we may. */
import { AgentFlowError, type JsonObject } from "@agentflow/protocol";
import type { Cluster } from "../cluster.ts";
import { carryVerbs, rightsToDeploy, rightToMakeNamespaces } from "../rights.ts";
import { type Access, identityOf, type Kind, notServed } from "./access.ts";
import { checkQuota } from "./quota.ts";
import { at, isObject, kindOf, nameOf, objectsAt, textAt, textsAt } from "./reading.ts";
import { refuseMissing, rightsTo } from "./rights.ts";
import {
  labelsText,
  nodeAdvice,
  type RuntimeClass,
  runtimeClassesOf,
  seeRuntimeClass,
} from "../runtime-class.ts";
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
  const { cluster } = access;
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

async function checkRights(
  access: Access,
  of: { readonly objects: readonly JsonObject[]; readonly isNamespaceThere: boolean },
): Promise<void> {
  const carried = await Promise.all(
    of.objects.map(async (object) => rightsTo(access, identityOf(object), carryVerbs)),
  );
  const makes = of.isNamespaceThere ? [] : [rightToMakeNamespaces];
  await refuseMissing(access, [...carried.flat(), ...rightsToDeploy, ...makes]);
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
  for (const spec of podSpecs(objects)) {
    for (const name of runtimeClassesOf(spec)) {
      const found = await seeRuntimeClass(cluster, { name, selector: textsAt(spec, "nodeSelector") });
      if (found.state === "absent") throw noRuntimeClass(name, found.known);
      if (found.state === "forbidden") notes.push(`whether RuntimeClass ${name} is there may not be asked`);
      else if (found.nodes !== "forbidden" && !found.nodes.some(({ isOpen }) => isOpen))
        throw noNode(name, found);
    }
  }
}

function noRuntimeClass(name: string, known: readonly string[]): AgentFlowError {
  return new AgentFlowError("refused", `the cluster has no RuntimeClass ${name}; untrusted tools need it`, {
    reason: "runtime_class_missing",
    suggestions: [
      known.length === 0 ? "the cluster has none at all" : `there are: ${known.join(", ")}`,
      "or name another: `runtimeClass:` of the target",
    ],
  });
}

function noNode(name: string, found: RuntimeClass & { readonly state: "there" }): AgentFlowError {
  const labels = labelsText(found.wants);
  const wants = labels === "" ? "" : ` (it wants ${labels})`;
  return new AgentFlowError("refused", `no node takes pods of RuntimeClass ${name}${wants}`, {
    reason: "runtime_class_unschedulable",
    suggestions: [nodeAdvice(found)],
  });
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
