/** A cluster that really runs what is deployed to it: somebody's own, or ours with pods on an engine. */
export { runIn } from "./exec.ts";
export { type LiveCluster, liveCluster, liveMissing } from "./live-cluster.ts";
