export { type ClusterExamined, type ClusterExaming, examineCluster } from "./examine.ts";
export type { ExaminedClusterTarget } from "./target.ts";
