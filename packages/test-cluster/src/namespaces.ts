/** What each namespace has, and how one ends: its objects first, then itself. */
import { at, listAt, objectAt, textAt, textsAt } from "./json.ts";
import type { Json, KubeObject } from "./object.ts";
import { remove } from "./api/deletes.ts";
import type { Registry } from "./api/resources.ts";
import type { Writes } from "./api/writes.ts";
import { clusterItself } from "./auth/users.ts";
import type { LocalWriter } from "./local-writer.ts";
import type { ObjectKey, Store } from "./store.ts";

export interface Keeping {
  readonly store: Store;
  readonly registry: Registry;
  readonly writes: Writes;
  readonly writer: LocalWriter;
  readonly authority: string;
}

/** Answers with what ends it. */
export function keepNamespaces(keeping: Keeping): () => void {
  const { store } = keeping;
  let woken: NodeJS.Immediate | undefined;
  const look = () => {
    woken = undefined;
    for (const namespace of store.list("namespaces")) {
      if (isTerminating(namespace)) empty(keeping, namespace);
      else furnish(keeping, namespace.metadata.name);
    }
  };
  const wake = () => {
    woken ??= setImmediate(look);
  };
  wake();
  const end = store.subscribe((event) => {
    if (event.key.resource === "namespaces" || event.type === "DELETED") wake();
  });
  return () => {
    end();
    if (woken !== undefined) clearImmediate(woken);
  };
}

function isTerminating(namespace: KubeObject): boolean {
  return textAt(namespace, "status", "phase") === "Terminating";
}

const description = [
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as",
  "the internal service IP or kubernetes.default.svc.",
  "No other usage is guaranteed across distributions of Kubernetes clusters.",
].join(" ");

function furnish({ store, writer, authority }: Keeping, namespace: string): void {
  const has = (resource: string, name: string) => store.get({ resource, namespace, name }) !== undefined;
  if (!has("serviceaccounts", "default")) {
    writer.create("serviceaccounts", namespace, { metadata: { name: "default" } });
  }
  if (has("configmaps", "kube-root-ca.crt")) return;
  const annotations = { "kubernetes.io/description": description };
  const metadata = { name: "kube-root-ca.crt", annotations };
  writer.create("configmaps", namespace, { metadata, data: { "ca.crt": authority } });
}

function empty(keeping: Keeping, namespace: KubeObject): void {
  const { store, registry } = keeping;
  const { name } = namespace.metadata;
  const left: { readonly key: ObjectKey; readonly object: KubeObject }[] = [];
  for (const resource of registry.all().filter((one) => one.namespaced && one.group !== "metrics.k8s.io")) {
    for (const object of store.list(resource.id, name)) {
      const key = { resource: resource.id, namespace: name, name: object.metadata.name };
      if (at(object, "metadata", "deletionTimestamp") === undefined) remove(store, resource, key, {});
      const still = store.get(key);
      if (still !== undefined) left.push({ key, object: still });
    }
  }
  const held = listAt(namespace, "metadata", "finalizers").length > 0;
  if (left.length > 0) say(keeping, namespace, left);
  else if (!held) store.remove({ resource: "namespaces", namespace: "", name });
}

type Left = readonly { readonly key: ObjectKey; readonly object: KubeObject }[];

/** What holds it, in the conditions that a client reads. */
function say({ registry, writes }: Keeping, namespace: KubeObject, left: Left): void {
  const resource = registry.byId("namespaces");
  if (resource === undefined) return;
  const before = listAt(namespace, "status", "conditions");
  const conditions = conditionsOf(left).map((made) => {
    const isSame = (one: Json) => textAt(one, "type") === made.type && textAt(one, "status") === made.status;
    const known = before.find(isSame);
    const since = textAt(known, "lastTransitionTime") ?? new Date().toISOString().replace(/\.\d+Z$/, "Z");
    return {
      type: made.type,
      status: made.status,
      lastTransitionTime: since,
      reason: made.reason,
      message: made.message,
    };
  });
  const write = {
    user: clusterItself,
    resource,
    sub: "status",
    namespace: "",
    name: namespace.metadata.name,
    manager: "kube-controller-manager",
    dryRun: false,
    force: false,
    fieldValidation: "Ignore",
    warn: () => undefined,
  };
  writes.update(write, { ...namespace, status: { ...objectAt(namespace, "status"), conditions } });
}

function conditionsOf(left: Left) {
  const resources = counts(
    left.map(({ key }) => (key.resource.includes(".") ? key.resource : `${key.resource}.`)),
  );
  const told = resources.map(([name, count]) => `${name} has ${count} resource instances`).join(", ");
  const finalizers = counts(left.flatMap(({ object }) => textsAt(object, "metadata", "finalizers")));
  const holding = finalizers.map(([name, count]) => `${name} in ${count} resource instances`).join(", ");
  const none = finalizers.length === 0;
  return [
    condition(
      "NamespaceDeletionDiscoveryFailure",
      "False",
      "ResourcesDiscovered",
      "All resources successfully discovered",
    ),
    condition(
      "NamespaceDeletionGroupVersionParsingFailure",
      "False",
      "ParsedGroupVersions",
      "All legacy kube types successfully parsed",
    ),
    condition(
      "NamespaceDeletionContentFailure",
      "False",
      "ContentDeleted",
      "All content successfully deleted, may be waiting on finalization",
    ),
    condition(
      "NamespaceContentRemaining",
      "True",
      "SomeResourcesRemain",
      `Some resources are remaining: ${told}`,
    ),
    none
      ? condition(
          "NamespaceFinalizersRemaining",
          "False",
          "ContentHasNoFinalizers",
          "All content-preserving finalizers finished",
        )
      : condition(
          "NamespaceFinalizersRemaining",
          "True",
          "SomeFinalizersRemain",
          `Some content in the namespace has finalizers remaining: ${holding}`,
        ),
  ];
}

function condition(type: string, status: string, ...[reason, message]: readonly [string, string]) {
  return { type, status, reason, message };
}

function counts(names: readonly string[]): readonly (readonly [string, number])[] {
  const found = new Map<string, number>();
  for (const name of names) found.set(name, (found.get(name) ?? 0) + 1);
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1));
}
