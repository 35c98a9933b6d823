/** Custom kinds: each CustomResourceDefinition that is kept becomes a resource that is served. */
import { idOf, type Registry, type Resource } from "./api/resources.ts";
import { listAt, objectAt, sameJson, textAt, textsAt } from "./json.ts";
import type { Json, JsonObject, KubeObject } from "./object.ts";
import type { Store } from "./store.ts";

/** Sets of definitions that can be installed by name. */
export type CrdSet = "keda";

const id = "customresourcedefinitions.apiextensions.k8s.io";

/** Answers with what ends it. */
export function keepCustomKinds(store: Store, registry: Registry, sets: readonly CrdSet[]): () => void {
  const end = store.subscribe((event) => {
    if (event.key.resource !== id) return;
    const resource = resourceOf(event.object);
    if (event.type === "DELETED") {
      registry.remove(resource.id);
      removeAll(store, resource.id);
    } else {
      registry.add(resource);
      establish(store, event.object);
    }
  });
  for (const set of sets) {
    for (const one of definitions[set]) {
      store.put({ resource: id, namespace: "", name: textAt(one, "metadata", "name") ?? "" }, one);
    }
  }
  return end;
}

const verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

function resourceOf(definition: KubeObject): Resource {
  const group = textAt(definition, "spec", "group") ?? "";
  const names = objectAt(definition, "spec", "names");
  const version =
    listAt(definition, "spec", "versions").find((one) => objectAt(one)["served"] !== false) ?? {};
  const plural = textAt(names, "plural") ?? "";
  const kind = textAt(names, "kind") ?? "";
  const subs = Object.keys(objectAt(version, "subresources")).filter((one) => one === "status");
  const versionName = textAt(version, "name") ?? "";
  return {
    group,
    version: versionName,
    plural,
    singular: textAt(names, "singular") ?? kind.toLowerCase(),
    kind,
    namespaced: textAt(definition, "spec", "scope") === "Namespaced",
    verbs,
    shortNames: textsAt(names, "shortNames"),
    categories: textsAt(names, "categories"),
    subresources: subs.map((name) => ({
      name,
      kind,
      group,
      version: versionName,
      verbs: ["get", "patch", "update"],
    })),
    id: idOf(group, plural),
    custom: true,
  };
}

/** With a definition go its objects; not within the change that removed it, as below. */
function removeAll(store: Store, resource: string): void {
  setImmediate(() => {
    for (const one of store.list(resource)) {
      const namespace = textAt(one, "metadata", "namespace") ?? "";
      store.remove({ resource, namespace, name: one.metadata.name });
    }
  });
}

function establish(store: Store, definition: KubeObject): void {
  const at = textAt(definition, "metadata", "creationTimestamp") ?? "";
  const condition = (type: string, reason: string, message: string): JsonObject => ({
    type,
    status: "True",
    lastTransitionTime: at,
    reason,
    message,
  });
  const conditions: readonly Json[] = [
    condition("NamesAccepted", "NoConflicts", "no conflicts found"),
    condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
  ];
  if (sameJson(listAt(definition, "status", "conditions"), conditions)) return;
  const resource = resourceOf(definition);
  const acceptedNames = objectAt(definition, "spec", "names");
  const status = { conditions, acceptedNames, storedVersions: [resource.version] };
  // Not within the change that made it: whoever listens hears the changes in their order.
  setImmediate(() => {
    const key = { resource: id, namespace: "", name: definition.metadata.name };
    const now = store.get(key);
    if (now !== undefined) store.put(key, { ...now, status });
  });
}

const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

function definition(kind: string, plural: string, shortNames: readonly string[]): JsonObject {
  const singular = kind.toLowerCase();
  const properties = { spec: anything, status: anything };
  const schema = { openAPIV3Schema: { type: "object", properties } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.keda.sh` },
    spec: {
      group: "keda.sh",
      scope: "Namespaced",
      names: { kind, plural, singular, listKind: `${kind}List`, shortNames },
      versions: [{ name: "v1alpha1", served: true, storage: true, schema, subresources: { status: {} } }],
      conversion: { strategy: "None" },
    },
  };
}

const definitions: Readonly<Record<CrdSet, readonly JsonObject[]>> = {
  keda: [
    definition("ScaledObject", "scaledobjects", ["so"]),
    definition("TriggerAuthentication", "triggerauthentications", ["ta", "triggerauth"]),
  ],
};
