/** Creating and deleting without a server: no defaults, no admission; grace and finalizers as there. */
import type { JsonObject, KubeObject } from "../object.ts";
import type { ObjectKey, Store } from "../store.ts";
import { randomSuffix } from "./names.ts";
import { type Any, parseAny, parseCopy, parseObject } from "./parse-kinds.ts";
import type { Removal, Writer } from "./world.ts";

export function plainWriter(store: Store): Writer {
  return {
    create(resource, namespace, object) {
      const made = parseObject(object);
      const { metadata } = parseAny(made);
      metadata.name ??= `${(metadata.generateName ?? "").slice(0, 58)}${randomSuffix()}`;
      const key = { resource, namespace, name: metadata.name };
      if (store.get(key) !== undefined) throw new Error(`${resource} "${metadata.name}" already exists`);
      return store.put(key, withDefaults(resource, made));
    },
    remove: (key, removal) => removeFrom(store, key, removal),
  };
}

function withDefaults(resource: string, object: KubeObject): JsonObject {
  if (resource === "pods") return { ...object, status: { phase: "Pending", qosClass: "BestEffort" } };
  if (resource === "replicasets.apps") return { ...object, status: { replicas: 0 } };
  return object;
}

/** What DELETE does to an object: it goes at once, or is marked for whoever finishes it. */
export function removeFrom(store: Store, key: ObjectKey, removal: Removal): void {
  const object = store.get(key);
  if (object === undefined) return;
  const draft = parseCopy(object);
  const seen = parseAny(draft);
  const finalizer = finalizerOf(removal);
  if (finalizer !== undefined) seen.metadata.finalizers = [...(seen.metadata.finalizers ?? []), finalizer];
  const grace = key.resource === "pods" ? graceOf(seen, removal) : 0;
  const held = (seen.metadata.finalizers ?? []).length > 0;
  if (!held && grace === 0) {
    store.remove(key);
    return;
  }
  if (seen.metadata.deletionTimestamp === undefined) {
    const until = new Date(Date.now() + grace * 1000).toISOString();
    seen.metadata.deletionTimestamp = `${until.slice(0, 19)}Z`;
    seen.metadata.generation = (seen.metadata.generation ?? 1) + 1;
  }
  seen.metadata.deletionGracePeriodSeconds = grace;
  store.put(key, parseObject(draft));
}

function finalizerOf(removal: Removal): string | undefined {
  if (removal.propagation === "Foreground") return "foregroundDeletion";
  return removal.propagation === "Orphan" ? "orphan" : undefined;
}

function graceOf(pod: Any, removal: Removal): number {
  const { nodeName, terminationGracePeriodSeconds } = pod.spec;
  const phase = pod.status?.["phase"];
  if (nodeName === undefined || phase === "Succeeded" || phase === "Failed") return 0;
  const own = typeof terminationGracePeriodSeconds === "number" ? terminationGracePeriodSeconds : 30;
  return removal.graceSeconds ?? own;
}
