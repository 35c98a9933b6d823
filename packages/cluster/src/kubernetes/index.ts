export type { Cluster, ClusterAddress, ClusterRequest } from "./cluster.ts";
export {
  answerCodeOf,
  type ClusterLooking,
  type ClusterOpening,
  findCluster,
  fromCluster,
  isConnectionLost,
  openCluster,
  statusOf,
} from "./client/index.ts";
export { fieldManager, kubernetesLabels, manager } from "./labels.ts";
export { type KubernetesObject, objectTitle } from "./object.ts";
export { type ReleasingFrom, releaseOf } from "./release-of.ts";
export { type ChartFile, type ChartingFrom, chartOf } from "./chart/chart-of.ts";
export { checkObjects, type ObjectFault, objectFaults } from "./schema/validate.ts";
export { type Capabilities, type Release, releaseNames } from "./release.ts";
export { nodeAdvice, type LabelledNode, type RuntimeClass } from "./runtime-class.ts";
export {
  type PlannedSandbox,
  plannedSandbox,
  type SandboxBrokers,
  type SandboxThere,
  seeSandbox,
} from "./sandbox-there.ts";
export { objectYaml } from "./yaml.ts";
export * from "./deploy/index.ts";
