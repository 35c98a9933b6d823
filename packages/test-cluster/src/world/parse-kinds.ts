/** The kinds that controllers, scheduler and kubelet read and write: only the fields that they know. */
import type { JsonObject, KubeObject } from "../object.ts";
import type { Meta, Condition, Selector } from "./meta.ts";
import type { PodTemplate, PodSpec, PodStatus } from "./pod-kind.ts";

export type { OwnerReference, Meta, Condition, Selector } from "./meta.ts";
export type {
  PodTemplate,
  Probe,
  Container,
  KeyPath,
  Projection,
  Volume,
  PodSpec,
  ContainerState,
  ContainerStatus,
  PodStatus,
} from "./pod-kind.ts";

interface Thing<Spec, Status> {
  apiVersion: string;
  kind: string;
  metadata: Meta;
  spec: Spec;
  status?: Status;
}

export interface ReplicaStatus {
  observedGeneration?: number | undefined;
  replicas?: number | undefined;
  fullyLabeledReplicas?: number | undefined;
  updatedReplicas?: number | undefined;
  readyReplicas?: number | undefined;
  availableReplicas?: number | undefined;
  unavailableReplicas?: number | undefined;
  terminatingReplicas?: number | undefined;
  currentReplicas?: number | undefined;
  currentRevision?: string | undefined;
  updateRevision?: string | undefined;
  collisionCount?: number | undefined;
  conditions?: Condition[] | undefined;
}

export interface DeploymentSpec {
  replicas?: number;
  selector: Selector;
  template: PodTemplate;
  strategy?: {
    type?: string;
    rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string };
  };
  minReadySeconds?: number;
  revisionHistoryLimit?: number;
  progressDeadlineSeconds?: number;
  paused?: boolean;
}

export interface ReplicaSetSpec {
  replicas?: number;
  selector: Selector;
  template: PodTemplate;
  minReadySeconds?: number;
}

export interface ClaimTemplate {
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: JsonObject;
}

export interface StatefulSetSpec {
  replicas?: number;
  selector: Selector;
  template: PodTemplate;
  serviceName?: string;
  podManagementPolicy?: string;
  updateStrategy?: { type?: string; rollingUpdate?: { partition?: number } };
  ordinals?: { start?: number };
  volumeClaimTemplates?: ClaimTemplate[];
  persistentVolumeClaimRetentionPolicy?: { whenDeleted?: string; whenScaled?: string };
  minReadySeconds?: number;
}

export interface JobSpec {
  parallelism?: number;
  completions?: number;
  backoffLimit?: number;
  activeDeadlineSeconds?: number;
  ttlSecondsAfterFinished?: number;
  suspend?: boolean;
  selector?: Selector;
  template: PodTemplate;
}

export interface JobStatus {
  startTime?: string | undefined;
  completionTime?: string | undefined;
  active?: number | undefined;
  succeeded?: number | undefined;
  failed?: number | undefined;
  ready?: number;
  terminating?: number;
  uncountedTerminatedPods?: { succeeded?: string[]; failed?: string[] };
  conditions?: Condition[] | undefined;
}

export interface NodeSpec {
  taints?: { key: string; value?: string; effect: string }[];
  unschedulable?: boolean;
}

export interface NodeStatus {
  allocatable?: Record<string, string>;
  capacity?: Record<string, string>;
  addresses?: { type: string; address: string }[];
  conditions?: Condition[];
}

export interface ServiceSpec {
  clusterIP?: string;
  selector?: Record<string, string>;
  ports?: { name?: string; port: number; targetPort?: number | string; protocol?: string }[];
  publishNotReadyAddresses?: boolean;
}

export interface ClaimSpec {
  accessModes?: string[];
  storageClassName?: string;
  volumeName?: string;
  resources?: { requests?: Record<string, string> };
}

export interface ClaimStatus {
  phase?: string;
  accessModes?: string[];
  capacity?: Record<string, string>;
}

export interface BudgetSpec {
  minAvailable?: number | string;
  maxUnavailable?: number | string;
  selector?: Selector;
}

export interface PolicyRules {
  podSelector: Selector;
  policyTypes?: readonly string[];
  ingress?: readonly JsonObject[];
  egress?: readonly JsonObject[];
}

export interface AutoscalerSpec {
  scaleTargetRef: { kind: string; name: string; apiVersion?: string };
  minReplicas?: number;
  maxReplicas: number;
  metrics?: {
    type: string;
    resource?: { name: string; target: { type: string; averageUtilization?: number; averageValue?: string } };
    external?: { metric: { name: string }; target: { type: string; value?: string; averageValue?: string } };
  }[];
}

export interface AutoscalerStatus {
  observedGeneration?: number | undefined;
  currentReplicas?: number;
  desiredReplicas?: number;
  lastScaleTime?: string;
  currentMetrics?: unknown;
  conditions?: Condition[];
}

export type Pod = Thing<PodSpec, PodStatus>;
export type Deployment = Thing<DeploymentSpec, ReplicaStatus>;
export type ReplicaSet = Thing<ReplicaSetSpec, ReplicaStatus>;
export type StatefulSet = Thing<StatefulSetSpec, ReplicaStatus>;
export type Job = Thing<JobSpec, JobStatus>;
export type Node = Thing<NodeSpec, NodeStatus>;
export type Service = Thing<ServiceSpec, JsonObject>;
export type Claim = Thing<ClaimSpec, ClaimStatus>;
export type Budget = Thing<BudgetSpec, JsonObject>;
export type Autoscaler = Thing<AutoscalerSpec, AutoscalerStatus>;
export type NetworkPolicy = Thing<PolicyRules, JsonObject>;
export type Any = Thing<Record<string, unknown>, Record<string, unknown>>;
/** ConfigMaps and Secrets. */
export interface Values {
  metadata: Meta;
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

export interface Kinds {
  pods: Pod;
  "deployments.apps": Deployment;
  "replicasets.apps": ReplicaSet;
  "statefulsets.apps": StatefulSet;
  "jobs.batch": Job;
  nodes: Node;
  services: Service;
  persistentvolumeclaims: Claim;
  "poddisruptionbudgets.policy": Budget;
  "horizontalpodautoscalers.autoscaling": Autoscaler;
  "networkpolicies.networking.k8s.io": NetworkPolicy;
  configmaps: Values;
  secrets: Values;
}
export type KnownResource = keyof Kinds;

/** Seen as its kind; not a copy: who wants to change it goes by `change`. */
export function parseKind<R extends KnownResource>(_resource: R, object: KubeObject): Kinds[R] {
  return object as unknown as Kinds[R];
}

export function parseAny(object: KubeObject): Any {
  return object as unknown as Any;
}

/** A copy of its own, without what is undefined. */
export function parseCopy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

export function parseObject(value: unknown): KubeObject {
  return JSON.parse(JSON.stringify(value)) as KubeObject;
}
