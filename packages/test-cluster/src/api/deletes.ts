/** Deleting: preconditions, propagation, grace and finalizers. */
import { at, listAt, numberAt, objectAt, textAt, textsAt, withMetadata } from "../json.ts";
import type { Json, JsonObject, KubeObject } from "../object.ts";
import type { ObjectKey, Store } from "../store.ts";
import { countsGenerations, type Resource } from "./resources.ts";
import { invalid, notFound, StatusError, success } from "./status.ts";

export interface Removal {
  readonly dryRun?: boolean;
  readonly graceSeconds?: number;
  readonly propagation?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** Of a body of DeleteOptions, or of the query where a client puts them there. */
export function removalOf(body: Json, query: URLSearchParams): Removal {
  const propagation = textAt(body, "propagationPolicy") ?? query.get("propagationPolicy") ?? undefined;
  if (propagation !== undefined && !["Foreground", "Background", "Orphan"].includes(propagation)) {
    const known = '"Foreground", "Background", "Orphan", "nil"';
    const message = `Unsupported value: "${propagation}": supported values: ${known}`;
    const cause = { reason: "FieldValueNotSupported", message, field: "propagationPolicy" };
    throw invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", [cause]);
  }
  const queried = query.get("gracePeriodSeconds");
  const grace = numberAt(body, "gracePeriodSeconds") ?? (queried === null ? undefined : Number(queried));
  const uid = textAt(body, "preconditions", "uid");
  const resourceVersion = textAt(body, "preconditions", "resourceVersion");
  return {
    dryRun: query.getAll("dryRun").includes("All") || textsAt(body, "dryRun").includes("All"),
    ...(grace === undefined ? {} : { graceSeconds: grace }),
    ...(propagation === undefined ? {} : { propagation }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

/** Answers with what the client is told: the object while something holds it, else that it is gone. */
export function remove(store: Store, resource: Resource, key: ObjectKey, removal: Removal): JsonObject {
  const before = store.get(key);
  if (before === undefined) throw notFound(resource, key.name);
  checkPreconditions(resource, before, removal);
  if (removal.dryRun === true) return success(resource, key.name, textAt(before, "metadata", "uid") ?? "");
  if (resource.id === "namespaces") return removeNamespace(store, key, before);
  const grace = resource.id === "pods" ? graceOf(before, removal) : 0;
  const finalizers = finalizersOf(before, removal);
  if (finalizers.length === 0 && grace === 0) {
    store.remove(key);
    return gone(resource, before);
  }
  return store.put(key, marked(resource, before, { finalizers, grace }));
}

/** True when nothing holds any longer what was to be deleted. */
export function mayGo(object: JsonObject, before: KubeObject): boolean {
  const grace = numberAt(object, "metadata", "deletionGracePeriodSeconds") ?? 0;
  const held = listAt(before, "metadata", "finalizers").length > 0;
  const deleting = at(object, "metadata", "deletionTimestamp") !== undefined;
  return deleting && held && grace === 0 && listAt(object, "metadata", "finalizers").length === 0;
}

/** A forced or unscheduled Pod is answered as the object, everything else by a Status. */
function gone(resource: Resource, before: KubeObject): JsonObject {
  if (resource.id !== "pods")
    return success(resource, before.metadata.name, textAt(before, "metadata", "uid") ?? "");
  return marked(resource, before, { finalizers: [], grace: 0 });
}

function marked(
  resource: Resource,
  before: KubeObject,
  { finalizers, grace }: { finalizers: readonly string[]; grace: number },
): JsonObject {
  const already = textAt(before, "metadata", "deletionTimestamp");
  const until = new Date(Date.now() + grace * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  const sooner = already !== undefined && already < until ? already : until;
  const counted = countsGenerations(resource) && already === undefined;
  const generation = numberAt(before, "metadata", "generation");
  return withMetadata(before, {
    deletionTimestamp: sooner,
    deletionGracePeriodSeconds: grace,
    finalizers: finalizers.length === 0 ? undefined : finalizers,
    generation: counted ? (generation ?? 0) + 1 : generation,
  });
}

function removeNamespace(store: Store, key: ObjectKey, before: KubeObject): JsonObject {
  const deletionTimestamp = textAt(before, "metadata", "deletionTimestamp") ?? nowStamp();
  const terminating = { ...objectAt(before, "status"), phase: "Terminating" };
  return store.put(key, { ...withMetadata(before, { deletionTimestamp }), status: terminating });
}

function nowStamp(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}

function finalizersOf(before: KubeObject, removal: Removal): readonly string[] {
  const own = textsAt(before, "metadata", "finalizers");
  const propagation = ["foregroundDeletion", "orphan"];
  const rest = own.filter((one) => !propagation.includes(one));
  if (removal.propagation === "Foreground") return [...rest, "foregroundDeletion"];
  if (removal.propagation === "Orphan") return [...rest, "orphan"];
  return removal.propagation === undefined ? own : rest;
}

/** A Pod that no node has taken, or that has ended, goes at once. */
function graceOf(pod: KubeObject, removal: Removal): number {
  const phase = textAt(pod, "status", "phase");
  const unscheduled = (textAt(pod, "spec", "nodeName") ?? "") === "";
  if (unscheduled || phase === "Succeeded" || phase === "Failed") return 0;
  return removal.graceSeconds ?? numberAt(pod, "spec", "terminationGracePeriodSeconds") ?? 30;
}

function checkPreconditions(resource: Resource, before: KubeObject, removal: Removal): void {
  const uid = textAt(before, "metadata", "uid") ?? "";
  const version = textAt(before, "metadata", "resourceVersion") ?? "";
  if (removal.uid !== undefined && removal.uid !== uid) {
    const why = `the UID in the precondition (${removal.uid}) does not match the UID in record (${uid})`;
    throw unmet(resource, before, `${why}. The object might have been deleted and then recreated`);
  }
  if (removal.resourceVersion !== undefined && removal.resourceVersion !== version) {
    const { resourceVersion: asked } = removal;
    const inRecord = `the ResourceVersion in record (${version})`;
    const why = `the ResourceVersion in the precondition (${asked}) does not match ${inRecord}`;
    throw unmet(resource, before, `${why}. The object might have been modified`);
  }
}

/** Here the kind is named, not the plural. */
function unmet(resource: Resource, before: KubeObject, why: string): StatusError {
  const { group, kind } = resource;
  const { name } = before.metadata;
  const subject = group === "" ? kind : `${kind}.${group}`;
  const text = `Operation cannot be fulfilled on ${subject} "${name}": ${why}`;
  return new StatusError(409, "Conflict", text, { name, ...(group === "" ? {} : { group }), kind });
}
