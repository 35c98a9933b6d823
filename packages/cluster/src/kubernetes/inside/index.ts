export { type ClusterDoorOptions, openClusterDoor } from "./forward.ts";
export { type ClusterInspecting, openClusterInspector } from "./inspector.ts";
export { followPodLines, readPodLines } from "./logs.ts";
export { type ClusterPlace, clusterToken, openPlace, type OpenPlace, releasesIn } from "./place.ts";
export type { InCluster } from "./release-pods.ts";
export { type SeenPod, type SeenPods, seePods } from "./usage.ts";
