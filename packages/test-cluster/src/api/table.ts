/** The columns that kubectl prints, for the kinds that one looks at; all others have name and age. */
import { at, isObject, listAt, numberAt, objectAt, textAt, textsAt } from "../json.ts";
import type { Json, JsonObject } from "../object.ts";
import {
  autoscalerTargets,
  bindingRole,
  containerImages,
  containerNames,
  ingressHosts,
  ingressPorts,
  jobDuration,
  podSelector,
  policySelector,
  serviceSelector,
} from "./table-columns.ts";
import { podState } from "./table-pods.ts";

interface Column {
  readonly name: string;
  readonly of: (object: JsonObject) => Json;
  readonly type?: string;
  /** Only shown by `-o wide`. */
  readonly wide?: boolean;
}

const name: Column = { name: "Name", of: (object) => textAt(object, "metadata", "name") ?? "" };
const age: Column = { name: "Age", of: (object) => ageOf(textAt(object, "metadata", "creationTimestamp")) };

const podMakers: readonly Column[] = [
  { name: "Containers", wide: true, of: containerNames },
  { name: "Images", wide: true, of: containerImages },
];

const columns: ReadonlyMap<string, readonly Column[]> = new Map<string, readonly Column[]>([
  ["configmaps", [{ name: "Data", of: (one) => keys(one, "data") + keys(one, "binaryData") }]],
  ["secrets", [text("Type", "type"), { name: "Data", of: (one) => keys(one, "data") }]],
  ["namespaces", [text("Status", "status", "phase")]],
  ["serviceaccounts", [{ name: "Secrets", of: (one) => listAt(one, "secrets").length }]],
  [
    "pods",
    [
      { name: "Ready", of: (one) => podState(one).ready },
      { name: "Status", of: (one) => podState(one).status },
      { name: "Restarts", of: (one) => podState(one).restarts },
      age,
      { ...text("IP", "status", "podIP"), wide: true },
      { ...text("Node", "spec", "nodeName"), wide: true },
      { ...text("Nominated Node", "status", "nominatedNodeName"), wide: true },
      { name: "Readiness Gates", wide: true, of: () => "<none>" },
    ],
  ],
  [
    "deployments.apps",
    [
      {
        name: "Ready",
        of: (one) => `${count(one, "readyReplicas")}/${numberAt(one, "spec", "replicas") ?? 0}`,
      },
      { name: "Up-to-date", of: (one) => count(one, "updatedReplicas") },
      { name: "Available", of: (one) => count(one, "availableReplicas") },
      age,
      ...podMakers,
      { name: "Selector", wide: true, of: podSelector },
    ],
  ],
  [
    "replicasets.apps",
    [
      { name: "Desired", type: "integer", of: (one) => numberAt(one, "spec", "replicas") ?? 0 },
      { name: "Current", type: "integer", of: (one) => count(one, "replicas") },
      { name: "Ready", type: "integer", of: (one) => count(one, "readyReplicas") },
      age,
      ...podMakers,
      { name: "Selector", wide: true, of: podSelector },
    ],
  ],
  [
    "statefulsets.apps",
    [
      {
        name: "Ready",
        of: (one) => `${count(one, "readyReplicas")}/${numberAt(one, "spec", "replicas") ?? 0}`,
      },
      age,
      ...podMakers,
    ],
  ],
  [
    "jobs.batch",
    [
      { name: "Status", of: jobStatus },
      {
        name: "Completions",
        of: (one) => `${count(one, "succeeded")}/${numberAt(one, "spec", "completions") ?? 1}`,
      },
      { name: "Duration", of: jobDuration },
      age,
      ...podMakers,
      { name: "Selector", wide: true, of: podSelector },
    ],
  ],
  [
    "services",
    [
      text("Type", "spec", "type"),
      text("Cluster-IP", "spec", "clusterIP"),
      { name: "External-IP", of: () => "<none>" },
      { name: "Port(s)", of: servicePorts },
      age,
      { name: "Selector", wide: true, of: serviceSelector },
    ],
  ],
  [
    "events",
    [
      { name: "Last Seen", of: (one) => ageOf(textAt(one, "lastTimestamp") ?? textAt(one, "eventTime")) },
      text("Type", "type"),
      text("Reason", "reason"),
      {
        name: "Object",
        of: (one) => {
          const kind = textAt(one, "involvedObject", "kind") ?? "";
          return `${kind.toLowerCase()}/${textAt(one, "involvedObject", "name") ?? ""}`;
        },
      },
      text("Message", "message"),
    ],
  ],
  [
    "nodes",
    [
      { name: "Status", of: nodeStatus },
      { name: "Roles", of: () => "<none>" },
      age,
      text("Version", "status", "nodeInfo", "kubeletVersion"),
    ],
  ],
  [
    "persistentvolumeclaims",
    [
      text("Status", "status", "phase"),
      text("Volume", "spec", "volumeName"),
      text("Capacity", "status", "capacity", "storage"),
      { name: "Access Modes", of: (one) => textsAt(one, "spec", "accessModes").map(shortMode).join(",") },
      text("StorageClass", "spec", "storageClassName"),
    ],
  ],
  [
    "horizontalpodautoscalers.autoscaling",
    [
      {
        name: "Reference",
        of: (one) => {
          const kind = textAt(one, "spec", "scaleTargetRef", "kind") ?? "";
          return `${kind}/${textAt(one, "spec", "scaleTargetRef", "name") ?? ""}`;
        },
      },
      { name: "Targets", of: autoscalerTargets },
      { name: "MinPods", of: (one) => String(numberAt(one, "spec", "minReplicas") ?? "<unset>") },
      { name: "MaxPods", type: "integer", of: (one) => numberAt(one, "spec", "maxReplicas") ?? 0 },
      { name: "Replicas", type: "integer", of: (one) => count(one, "currentReplicas") },
    ],
  ],
  [
    "poddisruptionbudgets.policy",
    [
      { name: "Min Available", of: (one) => amount(one, "minAvailable") },
      { name: "Max Unavailable", of: (one) => amount(one, "maxUnavailable") },
      { name: "Allowed Disruptions", type: "integer", of: (one) => count(one, "disruptionsAllowed") },
    ],
  ],
  ["leases.coordination.k8s.io", [text("Holder", "spec", "holderIdentity")]],
  ["networkpolicies.networking.k8s.io", [{ name: "Pod-Selector", of: policySelector }]],
  ["rolebindings.rbac.authorization.k8s.io", [{ name: "Role", of: bindingRole }]],
  [
    "ingresses.networking.k8s.io",
    [
      text("Class", "spec", "ingressClassName"),
      { name: "Hosts", of: ingressHosts },
      { name: "Address", of: () => "" },
      { name: "Ports", of: ingressPorts },
    ],
  ],
]);

export function columnsOf(id: string): readonly JsonObject[] {
  return chosen(id).map((column) => ({
    name: column.name,
    type: column.type ?? "string",
    format: column.name === "Name" ? "name" : "",
    description: column.name,
    priority: column.wide === true ? 1 : 0,
  }));
}

export function rowOf(id: string, object: JsonObject): readonly Json[] {
  return chosen(id).map((column) => column.of(object));
}

function chosen(id: string): readonly Column[] {
  const own = columns.get(id) ?? [];
  if (id === "events") return own;
  return own.includes(age) ? [name, ...own] : [name, ...own, age];
}

function text(title: string, ...path: readonly string[]): Column {
  return { name: title, of: (object) => textAt(object, ...path) ?? "<none>" };
}

function keys(object: JsonObject, field: string): number {
  return Object.keys(objectAt(object, field)).length;
}

function count(object: JsonObject, field: string): number {
  return numberAt(object, "status", field) ?? 0;
}

function nodeStatus(node: JsonObject): string {
  const ready = listAt(node, "status", "conditions").find((one) => textAt(one, "type") === "Ready");
  const state = textAt(ready, "status") === "True" ? "Ready" : "NotReady";
  return at(node, "spec", "unschedulable") === true ? `${state},SchedulingDisabled` : state;
}

const shortModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

function shortMode(mode: string): string {
  return shortModes[mode] ?? mode;
}

/** A number, or a share. */
function amount(budget: JsonObject, field: string): string {
  return textAt(budget, "spec", field) ?? String(numberAt(budget, "spec", field) ?? "N/A");
}

function jobStatus(job: JsonObject): string {
  const met = listAt(job, "status", "conditions").filter((one) => textAt(one, "status") === "True");
  const types = met.map((one) => textAt(one, "type"));
  if (types.includes("Complete")) return "Complete";
  return types.includes("Failed") ? "Failed" : "Running";
}

function servicePorts(service: JsonObject): string {
  const ports = listAt(service, "spec", "ports").filter(isObject);
  return ports.map((port) => `${numberAt(port, "port") ?? 0}/${textAt(port, "protocol") ?? "TCP"}`).join(",");
}

/** As kubectl writes it: `3s`, `5m2s`, `4h`, `2d`. */
export function ageOf(stamp: string | undefined): string {
  if (stamp === undefined) return "<unknown>";
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(stamp)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}
