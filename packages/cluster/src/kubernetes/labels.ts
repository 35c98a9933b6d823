/** Labels and annotations by which an installation's objects are found again in a cluster. */
export const kubernetesLabels = {
  managedBy: "app.kubernetes.io/managed-by",
  name: "app.kubernetes.io/name",
  instance: "app.kubernetes.io/instance",
  version: "app.kubernetes.io/version",
  component: "app.kubernetes.io/component",
  project: "agentflow.dev/project",
  target: "agentflow.dev/target",
  /** `nats`, `control-plane`, `worker-<pool>`, … as the rendered model names them. */
  part: "agentflow.dev/part",
  pool: "agentflow.dev/pool",
  /** Of workers: the build whose tasks they take. */
  build: "agentflow.dev/build",
  /** Of pods in which untrusted tools run: whose broker made them. */
  sandbox: "agentflow.dev/sandbox",
  /** What would be lost with it: `data`, `keys` or `state`. */
  holds: "agentflow.dev/holds",
} as const;

/** Value of `managedBy` on what `af deploy` owns; a chart's objects say `Helm`. */
export const manager = "agentflow";

/** Field manager of server-side apply. */
export const fieldManager = "agentflow";
