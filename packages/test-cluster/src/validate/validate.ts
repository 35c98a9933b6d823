/** What is wrong with an object, as the causes of a 422. */
import type { JsonObject } from "../object.ts";
import type { Cause } from "../refusal.ts";
import { metadataFaults } from "./names.ts";
import { ingress, networkPolicy } from "./network.ts";
import {
  autoscaler,
  binding,
  claim,
  configMap,
  disruption,
  lease,
  role,
  runtimeClass,
  secret,
  service,
} from "./others.ts";
import {
  daemonSet,
  deployment,
  pod,
  replicaSet,
  statefulSet,
  workAgain,
  workOnce,
  type Check,
} from "./workloads.ts";

/** By `Kind.group`, or `Kind` in the core group. */
const checks: Readonly<Record<string, Check>> = {
  ConfigMap: configMap,
  Secret: secret,
  Service: service,
  Pod: pod,
  PersistentVolumeClaim: claim,
  "Deployment.apps": deployment,
  "ReplicaSet.apps": replicaSet,
  "DaemonSet.apps": daemonSet,
  "StatefulSet.apps": statefulSet,
  "Job.batch": workOnce,
  "CronJob.batch": workAgain,
  "HorizontalPodAutoscaler.autoscaling": autoscaler,
  "PodDisruptionBudget.policy": disruption,
  "NetworkPolicy.networking.k8s.io": networkPolicy,
  "Ingress.networking.k8s.io": ingress,
  "Role.rbac.authorization.k8s.io": role,
  "ClusterRole.rbac.authorization.k8s.io": role,
  "RoleBinding.rbac.authorization.k8s.io": binding,
  "ClusterRoleBinding.rbac.authorization.k8s.io": binding,
  "RuntimeClass.node.k8s.io": runtimeClass,
  "Lease.coordination.k8s.io": lease,
};

/** `live` is what it replaces, where it replaces anything. */
export function faultsOf(key: string, object: JsonObject, live: JsonObject | undefined): readonly Cause[] {
  return [...metadataFaults(key, object), ...(checks[key]?.(object, live) ?? [])];
}
