/** Puts a recorded request to the pure functions, with the recorded object before it as what stands there. */
import { applyObject, createObject, patchObject, updateObject } from "../../src/change.ts";
import type { Answer, Ask, Gifts, Kind } from "../../src/change.ts";
import { isObject, textAt } from "../../src/draft.ts";
import type { Json, JsonObject } from "../../src/object.ts";
import type { Exchange } from "./parse-transcript.ts";

const kinds: Readonly<Record<string, string>> = {
  configmaps: "ConfigMap",
  secrets: "Secret",
  services: "Service",
  serviceaccounts: "ServiceAccount",
  persistentvolumeclaims: "PersistentVolumeClaim",
  resourcequotas: "ResourceQuota",
  limitranges: "LimitRange",
  namespaces: "Namespace",
  pods: "Pod",
  deployments: "Deployment",
  statefulsets: "StatefulSet",
  daemonsets: "DaemonSet",
  jobs: "Job",
  cronjobs: "CronJob",
  horizontalpodautoscalers: "HorizontalPodAutoscaler",
  poddisruptionbudgets: "PodDisruptionBudget",
  networkpolicies: "NetworkPolicy",
  ingresses: "Ingress",
  roles: "Role",
  rolebindings: "RoleBinding",
  runtimeclasses: "RuntimeClass",
  leases: "Lease",
};

export interface Place {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
}

export function placeOf(path: string): Place | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  const [root, ...rest] = parts;
  const group = root === "apis" ? (rest.shift() ?? "") : "";
  const version = rest.shift() ?? "";
  const inside = rest[0] === "namespaces" && rest.length > 2;
  const namespace = inside ? (rest[1] ?? "") : "";
  const [resource = "", name = "", subresource = ""] = inside ? rest.slice(2) : rest;
  const kind = kinds[resource];
  if (kind === undefined) return undefined;
  return { kind: { group, version, kind, resource, namespaced: inside }, namespace, name, subresource };
}

export const time = "2026-11-24T00:00:00Z";

export const gifts: Gifts = {
  now: time,
  uid: () => "00000000-0000-0000-0000-00000000000a",
  suffix: () => "abcde",
  clusterIp: () => "10.96.0.1",
  nodePort: () => 30000,
  storageClass: "local-path",
};

export function validationOf(query: Readonly<Record<string, string>>): Ask["fieldValidation"] {
  const asked = query["fieldValidation"];
  return asked === "Strict" || asked === "Ignore" ? asked : "Warn";
}

/** Undefined for what is no change of one object. */
export function replay(exchange: Exchange, live: JsonObject | undefined): Answer | undefined {
  const { method, path, headers, body } = exchange.request;
  const query = exchange.request.query ?? {};
  const place = placeOf(path);
  if (place === undefined || (place.subresource !== "" && place.subresource !== "status")) return undefined;
  const ask: Ask = {
    kind: place.kind,
    namespace: place.namespace,
    name: place.name,
    ...(place.subresource === "status" ? { subresource: "status" } : {}),
    manager: query["fieldManager"] ?? (headers["content-type"]?.includes("apply") ? "" : "agentflow"),
    fieldValidation: validationOf(query),
    force: query["force"] === "true",
  };
  const type = headers["content-type"] ?? "";
  const text = typeof body === "string" ? body : JSON.stringify(body);
  if (method === "POST") return createObject(ask, body ?? null, gifts);
  if (method === "PUT") return updateObject(ask, body ?? null, live, gifts);
  if (method !== "PATCH") return undefined;
  if (type.includes("apply-patch")) return applyObject(ask, text, live, gifts);
  const patch = /^application\/(json|merge|strategic-merge)-patch\+json/.exec(type)?.[1];
  if (patch === undefined) return undefined;
  const named = patch === "json" || patch === "merge" ? patch : "strategic";
  return patchObject(ask, { type: named, text }, live, gifts);
}

/** What of an object is the same in each run, and is not the work of a controller in between. */
export function steady(value: Json | undefined): Json {
  return clean(value ?? null, "");
}

const drifting = new Set([
  "resourceVersion",
  "uid",
  "creationTimestamp",
  "time",
  "clusterIP",
  "clusterIPs",
  "nodePort",
  "controller-uid",
  "batch.kubernetes.io/controller-uid",
  "deployment.kubernetes.io/revision",
]);

/** Not of a controller, and not a mark of the recorded server's build. */
function isOurs(item: Json): boolean {
  if (textAt(item, "manager") === "kube-controller-manager") return false;
  return textAt(item, "configMap", "name") !== "openshift-service-ca.crt";
}

function clean(value: Json, key: string): Json {
  if (typeof value === "string") return value.replace(/^(kube-api-access|gen)-.{5}$/, "$1");
  if (Array.isArray(value)) return value.filter(isOurs).map((item) => clean(item, key));
  if (!isObject(value)) return value;
  const made: Record<string, Json> = {};
  for (const [name, child] of Object.entries(value)) {
    if (drifting.has(name) || (key === "" && name === "status")) continue;
    made[name] = clean(child, name);
  }
  if (key === "metadata" && isObject(made["annotations"]) && Object.keys(made["annotations"]).length === 0) {
    delete made["annotations"];
  }
  return made;
}
