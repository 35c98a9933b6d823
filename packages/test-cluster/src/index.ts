/**
 * A Kubernetes API server for tests, in this process:
 *
 *     const cluster = await startTestCluster();
 *     cluster.kubeconfig;   // for kubectl's KUBECONFIG, or KubeConfig.loadFromFile(cluster.kubeconfig)
 *     ...
 *     await cluster.stop();
 *
 * `plain: true` is HTTP, `alsoOn: "172.17.0.1"` listens there too (for containers), `crds: ["keda"]` serves
 * ScaledObjects; `cluster.userKubeconfig("eve")` is somebody without rights; `cluster.faults` cuts, refuses,
 * stalls. `pods: "processes"` (or an engine: `pods: { engine, name }`) has controllers, a scheduler and a
 * kubelet work behind it; `pace: 20` lets back-off, probes and deadlines pass twenty times as fast; `closes`
 * takes the network from pods that policies close.
 * From within, `cluster.store` is read and written at once; `cluster.writer` writes as clients do.
 */
export type { Json, JsonObject, KubeObject, Metadata } from "./object.ts";
export type { ObjectEvent, ObjectKey, Store } from "./store.ts";
export type { ContainerRef, Executing, Execution, LogQuery, Nodes } from "./pods.ts";
export { type Behind, type BehindOptions, type NodeGiven, putNode, startBehind } from "./behind.ts";
export { putPodMetrics, type PodUse } from "./controllers/autoscaler-metrics.ts";
export { type HostImage, processes, type ProcessesOptions } from "./runtime/processes.ts";
export type { BehindChoice, PodsOption } from "./cluster-pods.ts";
export type { PodRuntime } from "./runtime/runtime.ts";
export { startTestCluster, type TestCluster, type TestClusterOptions, type UserFile } from "./cluster.ts";
export type { Faults } from "./api/faults.ts";
export type { PodCall, PodDoors } from "./api/pod-doors.ts";
export { StatusError } from "./api/status.ts";
export type { LocalWriter } from "./local-writer.ts";
export type { CrdSet } from "./custom.ts";
