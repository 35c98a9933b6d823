export { answerCodeOf, fromCluster, isConnectionLost, statusOf } from "./errors.ts";
export { type ClusterLooking, findCluster } from "./find.ts";
export { type ClusterOpening, openCluster } from "./open.ts";
