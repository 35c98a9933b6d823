import { at, numberAt, textAt } from "../../src/json.ts";
import { marks } from "./marks.ts";
import { configMap, demo, makeNamespace, replay, type Stage, until } from "./story.ts";

const asleep = 'trap "exit 0" TERM; echo ready; while true; do sleep 1; done';
const nodes = "the status of a pod that runs is told in the rollouts";

replay({
  folder: "09-delete",
  cluster: { pods: "processes" },
  before: {
    "02": async (stage) => {
      await stage.ask("POST", `${demo}/configmaps`, configMap("victim"));
      await stage.ask(
        "POST",
        `${demo}/configmaps`,
        configMap("held", { finalizers: ["agentflow.dev/hold"] }),
      );
    },
    "13": async (stage) => deploy(stage, "pporphan"),
    "15": async (stage) => deploy(stage, "ppforeground"),
    "17": async (stage) => deploy(stage, "ppbackground"),
    "20": async (stage) => runPod(stage),
    "23": async (stage) => {
      await makeNamespace(stage, "af-demo-gone");
      const held = configMap("held", { finalizers: ["agentflow.dev/hold"] });
      const metadata = { name: "held", finalizers: ["agentflow.dev/hold"] };
      await stage.ask("POST", "/api/v1/namespaces/af-demo-gone/configmaps", { ...held, metadata });
    },
    "28": async (stage) =>
      until(stage, "/api/v1/namespaces/af-demo-gone", (one) => at(one, "status", "conditions") !== undefined),
  },
  leftOut: [
    {
      of: "*",
      paths: ["metadata.managedFields{kube-controller-manager}", "metadata.managedFields{kubelet}"],
      why: "controllers and nodes write beside the API here: nobody is said to own what they write",
    },
    ...["08", "11"].map((of) => ({
      of,
      paths: ["metadata.managedFields[].time"],
      why: "there an apply that changed nothing but who owns what has no time",
    })),
    { of: "22", paths: ["metadata.resourceVersion"], why: "nodes write meanwhile" },
    {
      of: "27",
      paths: ["metadata.resourceVersion", "metadata.managedFields", "status.conditions"],
      why: "what holds the namespace is said at once here, there after some seconds",
    },
    { of: "20", paths: ["status"], why: nodes },
    { of: "21", paths: ["status"], why: nodes },
    { of: "20", paths: ["spec.volumes[].projected.sources{openshift-service-ca.crt}"], why: marks },
    { of: "21", paths: ["spec.volumes[].projected.sources{openshift-service-ca.crt}"], why: marks },
  ],
});

async function deploy(stage: Stage, name: string): Promise<void> {
  const labels = { app: name };
  const container = {
    name: "main",
    image: "bbsh:1",
    imagePullPolicy: "IfNotPresent",
    command: ["/bin/sh", "-c", asleep],
  };
  const path = "/apis/apps/v1/namespaces/af-demo/deployments";
  await stage.ask("POST", path, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [container] } },
    },
  });
  await until(stage, `${path}/${name}`, (one) => numberAt(one, "status", "availableReplicas") === 1);
}

async function runPod(stage: Stage): Promise<void> {
  const command = ["/bin/sh", "-c", 'trap "" TERM; while true; do sleep 1; done'];
  const container = { name: "main", image: "bbsh:1", imagePullPolicy: "IfNotPresent", command };
  await stage.ask("POST", `${demo}/pods`, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "slowend", labels: { app: "slowend" } },
    spec: { terminationGracePeriodSeconds: 4, containers: [container] },
  });
  await until(stage, `${demo}/pods/slowend`, (one) => textAt(one, "status", "phase") === "Running");
}

/** Controllers and nodes work beside the server: what they write comes soon, not at once. */
