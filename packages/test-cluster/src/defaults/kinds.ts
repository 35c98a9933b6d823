/** What is filled in for each kind when an object is read, before anyone looks at it. */
import { draftAt, draftsAt, within, type Draft } from "../draft.ts";
import { fill, fillPod, fillTemplate } from "./pod-spec.ts";

type Filler = (object: Draft) => void;

/** By `Kind.group`, or `Kind` in the core group. */
const fillers: Readonly<Record<string, Filler>> = {
  "Deployment.apps": fillDeployment,
  "StatefulSet.apps": fillStatefulSet,
  "DaemonSet.apps": fillDaemonSet,
  "ReplicaSet.apps": (object) => {
    const spec = within(object, "spec");
    fill(spec, "replicas", 1);
    fillTemplate(spec);
  },
  "Job.batch": fillJob,
  "CronJob.batch": fillCronJob,
  Pod: fillPod,
  Service: fillService,
  Secret: fillSecret,
  PersistentVolumeClaim: (object) => {
    fill(within(object, "spec"), "volumeMode", "Filesystem");
  },
  Namespace: (object) => {
    const name = within(object, "metadata")["name"];
    if (typeof name === "string") within(object, "metadata", "labels")["kubernetes.io/metadata.name"] = name;
  },
  LimitRange: fillLimitRange,
  "HorizontalPodAutoscaler.autoscaling": fillAutoscaler,
  "NetworkPolicy.networking.k8s.io": fillNetworkPolicy,
  "RoleBinding.rbac.authorization.k8s.io": fillBinding,
  "ClusterRoleBinding.rbac.authorization.k8s.io": fillBinding,
};

export function fillDefaults(kind: string, group: string, object: Draft): void {
  fillers[group === "" ? kind : `${kind}.${group}`]?.(object);
}

function fillDeployment(object: Draft): void {
  const spec = within(object, "spec");
  fill(spec, "replicas", 1);
  const strategy = within(spec, "strategy");
  fill(strategy, "type", "RollingUpdate");
  if (strategy["type"] === "RollingUpdate") {
    const rolling = within(strategy, "rollingUpdate");
    fill(rolling, "maxUnavailable", "25%");
    fill(rolling, "maxSurge", "25%");
  }
  fill(spec, "revisionHistoryLimit", 10);
  fill(spec, "progressDeadlineSeconds", 600);
  fillTemplate(spec);
}

function fillStatefulSet(object: Draft): void {
  const spec = within(object, "spec");
  fill(spec, "replicas", 1);
  fill(spec, "podManagementPolicy", "OrderedReady");
  const strategy = within(spec, "updateStrategy");
  fill(strategy, "type", "RollingUpdate");
  if (strategy["type"] === "RollingUpdate") fill(within(strategy, "rollingUpdate"), "partition", 0);
  fill(spec, "revisionHistoryLimit", 10);
  const retention = within(spec, "persistentVolumeClaimRetentionPolicy");
  fill(retention, "whenDeleted", "Retain");
  fill(retention, "whenScaled", "Retain");
  fillTemplate(spec);
  for (const claim of draftsAt(spec, "volumeClaimTemplates")) {
    fill(claim, "kind", "PersistentVolumeClaim");
    fill(claim, "apiVersion", "v1");
    fill(within(claim, "spec"), "volumeMode", "Filesystem");
    fill(within(claim, "status"), "phase", "Pending");
  }
}

function fillDaemonSet(object: Draft): void {
  const spec = within(object, "spec");
  const strategy = within(spec, "updateStrategy");
  fill(strategy, "type", "RollingUpdate");
  if (strategy["type"] === "RollingUpdate") {
    const rolling = within(strategy, "rollingUpdate");
    fill(rolling, "maxUnavailable", 1);
    fill(rolling, "maxSurge", 0);
  }
  fill(spec, "revisionHistoryLimit", 10);
  fillTemplate(spec);
}

function fillJob(object: Draft): void {
  const spec = within(object, "spec");
  if (spec["completions"] === undefined && spec["parallelism"] === undefined) fill(spec, "completions", 1);
  fill(spec, "parallelism", 1);
  fill(spec, "backoffLimit", 6);
  fill(spec, "completionMode", "NonIndexed");
  fill(spec, "suspend", false);
  fill(spec, "manualSelector", false);
  fill(
    spec,
    "podReplacementPolicy",
    spec["podFailurePolicy"] === undefined ? "TerminatingOrFailed" : "Failed",
  );
  fillTemplate(spec);
}

function fillCronJob(object: Draft): void {
  const spec = within(object, "spec");
  fill(spec, "concurrencyPolicy", "Allow");
  fill(spec, "suspend", false);
  fill(spec, "successfulJobsHistoryLimit", 3);
  fill(spec, "failedJobsHistoryLimit", 1);
  within(spec, "jobTemplate", "metadata");
  fillTemplate(within(spec, "jobTemplate", "spec"));
}

function fillService(object: Draft): void {
  const spec = within(object, "spec");
  fill(spec, "sessionAffinity", "None");
  fill(spec, "type", "ClusterIP");
  for (const port of draftsAt(spec, "ports")) {
    fill(port, "protocol", "TCP");
    fill(port, "targetPort", port["port"] ?? 0);
  }
  if (spec["type"] === "ExternalName") return;
  fill(spec, "internalTrafficPolicy", "Cluster");
  if (spec["type"] === "ClusterIP") return;
  fill(spec, "externalTrafficPolicy", "Cluster");
  if (spec["type"] === "LoadBalancer") fill(spec, "allocateLoadBalancerNodePorts", true);
}

function fillSecret(object: Draft): void {
  fill(object, "type", "Opaque");
  const plain = draftAt(object, "stringData");
  if (plain === undefined) return;
  const data = within(object, "data");
  for (const [key, value] of Object.entries(plain)) {
    if (typeof value === "string") data[key] = Buffer.from(value, "utf8").toString("base64");
  }
  delete object["stringData"];
}

function fillLimitRange(object: Draft): void {
  for (const item of draftsAt(within(object, "spec"), "limits")) {
    if (item["type"] !== "Container") continue;
    copyMissing(draftAt(item, "max"), item, "default");
    copyMissing(draftAt(item, "default"), item, "defaultRequest");
    copyMissing(draftAt(item, "min"), item, "defaultRequest");
  }
}

function copyMissing(from: Draft | undefined, item: Draft, key: string): void {
  if (from === undefined) return;
  const to = within(item, key);
  for (const [name, value] of Object.entries(from)) fill(to, name, value);
}

function fillAutoscaler(object: Draft): void {
  const spec = within(object, "spec");
  fill(spec, "minReplicas", 1);
  if (draftsAt(spec, "metrics").length === 0) {
    const target = { type: "Utilization", averageUtilization: 80 };
    spec["metrics"] = [{ type: "Resource", resource: { name: "cpu", target } }];
  }
  const behavior = draftAt(spec, "behavior");
  if (behavior === undefined) return;
  const up = within(behavior, "scaleUp");
  const down = within(behavior, "scaleDown");
  fill(up, "stabilizationWindowSeconds", 0);
  fill(up, "policies", [
    { type: "Pods", value: 4, periodSeconds: 15 },
    { type: "Percent", value: 100, periodSeconds: 15 },
  ]);
  fill(down, "policies", [{ type: "Percent", value: 100, periodSeconds: 15 }]);
  for (const rules of [up, down]) fill(rules, "selectPolicy", "Max");
}

function fillNetworkPolicy(object: Draft): void {
  const spec = within(object, "spec");
  within(spec, "podSelector");
  const egress = draftsAt(spec, "egress");
  for (const rule of [...draftsAt(spec, "ingress"), ...egress]) {
    for (const port of draftsAt(rule, "ports")) fill(port, "protocol", "TCP");
  }
  fill(spec, "policyTypes", egress.length > 0 ? ["Ingress", "Egress"] : ["Ingress"]);
}

function fillBinding(object: Draft): void {
  fill(within(object, "roleRef"), "apiGroup", "rbac.authorization.k8s.io");
  for (const subject of draftsAt(object, "subjects")) {
    if (subject["kind"] !== "ServiceAccount") fill(subject, "apiGroup", "rbac.authorization.k8s.io");
  }
}
