/** What an object is given on its way in that no manager is said to own: ids, addresses, first status. */
import { at, copyOf, draftAt, draftsAt, equal, listAt, objectAt, within, type Draft } from "../draft.ts";
import type { JsonObject } from "../object.ts";
import { fill } from "./pod-spec.ts";
import { qosClassOf } from "./qos.ts";

/** What a new object is given. */
export interface Gifts {
  /** RFC 3339, whole seconds. */
  readonly now: string;
  uid(): string;
  /** Five letters for a name. */
  suffix(): string;
  clusterIp(): string;
  nodePort(): number;
  /** Of claims that name none. */
  readonly storageClass?: string;
}

const counted = new Set([
  "Deployment.apps",
  "StatefulSet.apps",
  "DaemonSet.apps",
  "ReplicaSet.apps",
  "Job.batch",
  "CronJob.batch",
  "PodDisruptionBudget.policy",
  "NetworkPolicy.networking.k8s.io",
  "Ingress.networking.k8s.io",
  "Pod",
]);

/** The status of a new object, where it is not empty. */
const firstStatus: Readonly<Record<string, Draft>> = {
  "StatefulSet.apps": { replicas: 0, availableReplicas: 0 },
  "ReplicaSet.apps": { replicas: 0 },
  "DaemonSet.apps": {
    currentNumberScheduled: 0,
    numberMisscheduled: 0,
    desiredNumberScheduled: 0,
    numberReady: 0,
  },
  "PodDisruptionBudget.policy": {
    disruptionsAllowed: 0,
    currentHealthy: 0,
    desiredHealthy: 0,
    expectedPods: 0,
  },
  "HorizontalPodAutoscaler.autoscaling": { desiredReplicas: 0, currentMetrics: null },
  Service: { loadBalancer: {} },
  "Ingress.networking.k8s.io": { loadBalancer: {} },
  PersistentVolumeClaim: { phase: "Pending" },
  Namespace: { phase: "Active" },
};

export function keyOf(kind: string, group: string): string {
  return group === "" ? kind : `${kind}.${group}`;
}

export interface Nature {
  /** `Kind.group`, or `Kind` in the core group. */
  readonly key: string;
  readonly hasStatus: boolean;
  readonly custom: boolean;
}

export function prepareCreate({ key, hasStatus, custom }: Nature, object: Draft, gifts: Gifts): void {
  const metadata = within(object, "metadata");
  metadata["uid"] = gifts.uid();
  metadata["creationTimestamp"] = gifts.now;
  for (const gone of ["resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"]) {
    delete metadata[gone];
  }
  if (custom || counted.has(key)) metadata["generation"] = 1;
  else delete metadata["generation"];
  // A node comes with what it found out about itself.
  if (hasStatus && key !== "Node") object["status"] = copyOf(firstStatus[key] ?? {});
  if (custom) delete object["status"];
  makers[key]?.(object, gifts);
}

const makers: Readonly<Record<string, (object: Draft, gifts: Gifts) => void>> = {
  Service: giveAddresses,
  Pod: (object) => {
    object["status"] = { phase: "Pending", qosClass: qosClassOf(objectAt(object, "spec")) };
  },
  Namespace: (object) => fill(within(object, "spec"), "finalizers", ["kubernetes"]),
  PersistentVolumeClaim: (object, gifts) => {
    if (gifts.storageClass !== undefined)
      fill(within(object, "spec"), "storageClassName", gifts.storageClass);
    protect(object, "kubernetes.io/pvc-protection");
  },
  "Job.batch": labelJob,
  "DaemonSet.apps": (object) => {
    within(object, "metadata", "annotations")["deprecated.daemonset.template.generation"] = "1";
  },
};

function protect(object: Draft, finalizer: string): void {
  const metadata = within(object, "metadata");
  const known = metadata["finalizers"];
  const list = Array.isArray(known) ? known : [];
  if (!list.includes(finalizer)) metadata["finalizers"] = [...list, finalizer];
}

/** Pods of a Job are told by the uid of the Job; a Job without labels takes those of its pods. */
function labelJob(object: Draft): void {
  const metadata = within(object, "metadata");
  const spec = within(object, "spec");
  const uid = metadata["uid"] ?? "";
  const name = metadata["name"] ?? "";
  if (spec["manualSelector"] !== true) {
    const labels = within(spec, "template", "metadata", "labels");
    labels["batch.kubernetes.io/controller-uid"] = uid;
    labels["batch.kubernetes.io/job-name"] = name;
    labels["controller-uid"] = uid;
    labels["job-name"] = name;
    spec["selector"] = { matchLabels: { "batch.kubernetes.io/controller-uid": uid } };
  }
  const labels = draftAt(metadata, "labels");
  if (labels !== undefined && Object.keys(labels).length > 0) return;
  metadata["labels"] = copyOf(within(spec, "template", "metadata", "labels"));
}

function giveAddresses(object: Draft, gifts: Gifts): void {
  const spec = within(object, "spec");
  if (spec["type"] === "ExternalName") return;
  if (spec["clusterIP"] === undefined || spec["clusterIP"] === "") spec["clusterIP"] = gifts.clusterIp();
  fill(spec, "clusterIPs", [spec["clusterIP"] ?? ""]);
  fill(spec, "ipFamilies", ["IPv4"]);
  fill(spec, "ipFamilyPolicy", "SingleStack");
  giveNodePorts(spec, gifts);
}

function giveNodePorts(spec: Draft, gifts: Gifts): void {
  const outside = spec["type"] === "NodePort" || spec["type"] === "LoadBalancer";
  if (!outside || spec["allocateLoadBalancerNodePorts"] === false) return;
  for (const port of draftsAt(spec, "ports")) fill(port, "nodePort", gifts.nodePort());
}

const kept = ["uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"];

/** What stays as it was, whatever a change of the whole object says. */
export function prepareUpdate(
  { key, hasStatus, custom }: Nature,
  object: Draft,
  live: JsonObject,
  gifts: Gifts,
): void {
  const metadata = within(object, "metadata");
  for (const field of kept) keep(metadata, field, objectAt(live, "metadata"));
  if (hasStatus || custom) keep(object, "status", live);
  if (key === "Service") keepAddresses(object, live, gifts);
  if (key === "Job.batch") fillFrom(within(object, "spec"), "selector", objectAt(live, "spec"));
  if (key === "PersistentVolumeClaim") {
    for (const field of ["volumeName", "storageClassName"]) {
      fillFrom(within(object, "spec"), field, objectAt(live, "spec"));
    }
  }
  if ((custom || counted.has(key)) && raises(key, object, live)) {
    const before = at(live, "metadata", "generation");
    metadata["generation"] = (typeof before === "number" ? before : 0) + 1;
  }
}

/** Changes of what is wanted raise the generation; for a Deployment those of its annotations too. */
function raises(key: string, object: Draft, live: JsonObject): boolean {
  if (!equal(object["spec"], live["spec"])) return true;
  const annotations = at(object, "metadata", "annotations");
  return key === "Deployment.apps" && !equal(annotations ?? {}, at(live, "metadata", "annotations") ?? {});
}

/** A change of the status: all else but annotations stays. */
export function prepareStatus(object: Draft, live: JsonObject): void {
  for (const field of Object.keys({ ...live, ...object })) {
    if (field !== "metadata" && field !== "status") keep(object, field, live);
  }
  const metadata = within(object, "metadata");
  for (const field of [...kept, "labels", "ownerReferences"])
    keep(metadata, field, objectAt(live, "metadata"));
}

function keep(object: Draft, field: string, live: JsonObject): void {
  const value = live[field];
  if (value === undefined) delete object[field];
  else object[field] = copyOf(value);
}

function fillFrom(object: Draft, field: string, live: JsonObject): void {
  const value = live[field];
  if (value !== undefined) fill(object, field, copyOf(value));
}

function keepAddresses(object: Draft, live: JsonObject, gifts: Gifts): void {
  const spec = within(object, "spec");
  const before = objectAt(live, "spec");
  const known = listAt(before, "ports");
  if (spec["type"] === "ExternalName") return;
  for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) {
    if (before["type"] !== "ExternalName") fillFrom(spec, field, before);
  }
  if (before["type"] === "ExternalName") giveAddresses(object, gifts);
  for (const port of draftsAt(spec, "ports")) {
    const same = known.find(
      (one) => at(one, "port") === port["port"] && at(one, "protocol") === port["protocol"],
    );
    if (spec["type"] !== "ClusterIP") fillFrom(port, "nodePort", objectAt(same));
    else delete port["nodePort"];
  }
  giveNodePorts(spec, gifts);
}
