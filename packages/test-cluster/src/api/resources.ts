/** Which kinds this server has: those that AgentFlow renders or uses, as the recorded server has them. */
import { listAt, objectAt, textAt, textsAt } from "../json.ts";
import type { Json } from "../object.ts";
import { recordedBody } from "./recorded.ts";

export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly Subresource[];
  /** As the store names it: `deployments.apps`, `pods`. */
  readonly id: string;
  /** Made by a CustomResourceDefinition. */
  readonly custom?: boolean;
}

export interface Subresource {
  readonly name: string;
  readonly kind: string;
  readonly group: string;
  readonly version: string;
  readonly verbs: readonly string[];
}

const coreKinds = [
  "configmaps",
  "endpoints",
  "events",
  "limitranges",
  "namespaces",
  "nodes",
  "persistentvolumeclaims",
  "persistentvolumes",
  "pods",
  "resourcequotas",
  "secrets",
  "serviceaccounts",
  "services",
];

/** Of each group only these; in the order in which the recorded server names the groups. */
const groupKinds: ReadonlyMap<string, readonly string[]> = new Map([
  ["apps", ["controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"]],
  ["authentication.k8s.io", ["selfsubjectreviews", "tokenreviews"]],
  [
    "authorization.k8s.io",
    [
      "localsubjectaccessreviews",
      "selfsubjectaccessreviews",
      "selfsubjectrulesreviews",
      "subjectaccessreviews",
    ],
  ],
  ["autoscaling", ["horizontalpodautoscalers"]],
  ["batch", ["cronjobs", "jobs"]],
  ["networking.k8s.io", ["ingressclasses", "ingresses", "networkpolicies"]],
  ["policy", ["poddisruptionbudgets"]],
  ["rbac.authorization.k8s.io", ["clusterrolebindings", "clusterroles", "rolebindings", "roles"]],
  ["storage.k8s.io", ["storageclasses"]],
  ["apiextensions.k8s.io", ["customresourcedefinitions"]],
  ["coordination.k8s.io", ["leases"]],
  ["node.k8s.io", ["runtimeclasses"]],
  ["metrics.k8s.io", ["nodes", "pods"]],
]);

/** Only the version that was recorded first: autoscaling/v1 is not served. */
export class Registry {
  readonly #all: Resource[] = [];

  constructor() {
    const core = listAt(recordedBody("01-discovery/04-api-aggregated"), "items")[0];
    this.#take("", core, coreKinds);
    for (const item of listAt(recordedBody("01-discovery/05-apis-aggregated"), "items")) {
      const group = textAt(item, "metadata", "name") ?? "";
      this.#take(group, item, groupKinds.get(group) ?? []);
    }
  }

  all(): readonly Resource[] {
    return this.#all;
  }

  add(resource: Resource): void {
    this.remove(resource.id);
    this.#all.push(resource);
  }

  remove(id: string): void {
    const index = this.#all.findIndex((one) => one.id === id);
    if (index >= 0) this.#all.splice(index, 1);
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#all.find((one) => one.group === group && one.version === version && one.plural === plural);
  }

  byId(id: string): Resource | undefined {
    return this.#all.find((one) => one.id === id);
  }

  byKind(apiVersion: string, kind: string): Resource | undefined {
    return this.#all.find((one) => apiVersionOf(one) === apiVersion && one.kind === kind);
  }

  /** `apps/v1`, `v1`: in the order of their first resource. */
  groupVersions(): readonly { readonly group: string; readonly version: string }[] {
    const seen = new Map(
      this.#all.map((one) => [apiVersionOf(one), { group: one.group, version: one.version }]),
    );
    return [...seen.values()];
  }

  #take(group: string, item: Json | undefined, kinds: readonly string[]): void {
    const first = listAt(item, "versions")[0];
    const version = textAt(first, "version") ?? "";
    for (const one of listAt(first, "resources")) {
      if (kinds.includes(textAt(one, "resource") ?? "")) this.#all.push(resourceOf(group, version, one));
    }
  }
}

export function apiVersionOf(one: { readonly group: string; readonly version: string }): string {
  return one.group === "" ? one.version : `${one.group}/${one.version}`;
}

export function idOf(group: string, plural: string): string {
  return group === "" ? plural : `${plural}.${group}`;
}

function resourceOf(group: string, version: string, one: Json): Resource {
  const plural = textAt(one, "resource") ?? "";
  return {
    group,
    version,
    plural,
    singular: textAt(one, "singularResource") ?? "",
    kind: textAt(one, "responseKind", "kind") ?? "",
    namespaced: textAt(one, "scope") === "Namespaced",
    verbs: textsAt(one, "verbs"),
    shortNames: textsAt(one, "shortNames"),
    categories: textsAt(one, "categories"),
    subresources: listAt(one, "subresources").map((sub) => {
      const kind = objectAt(sub, "responseKind");
      return {
        name: textAt(sub, "subresource") ?? "",
        kind: textAt(kind, "kind") ?? "",
        group: textAt(kind, "group") ?? "",
        version: textAt(kind, "version") ?? "",
        verbs: textsAt(sub, "verbs"),
      };
    }),
    id: idOf(group, plural),
  };
}

/** Kinds whose `metadata.generation` a real server counts. */
const generations = [
  "deployments.apps",
  "replicasets.apps",
  "statefulsets.apps",
  "daemonsets.apps",
  "jobs.batch",
  "cronjobs.batch",
  "pods",
  "poddisruptionbudgets.policy",
  "networkpolicies.networking.k8s.io",
  "ingresses.networking.k8s.io",
  "customresourcedefinitions.apiextensions.k8s.io",
];

export function countsGenerations(resource: Resource): boolean {
  return resource.custom === true || generations.includes(resource.id);
}
