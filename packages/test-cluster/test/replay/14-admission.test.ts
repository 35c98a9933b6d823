import { listAt, objectAt } from "../../src/json.ts";
import type { JsonObject } from "../../src/object.ts";
import { makeNamespace, replay, type Stage, until } from "./story.ts";

replay({
  folder: "14-admission",
  cluster: { pods: "unrun" },
  before: {
    "04": async (stage) =>
      until(stage, "/apis/apps/v1/namespaces/af-demo-restricted/deployments/bad", hasFailure),
    "06": async (stage) => makeNamespace(stage, "af-demo-quota"),
    "07": async (stage) => until(stage, "/api/v1/namespaces/af-demo-quota/resourcequotas/small", isCounted),
    "11": limit,
  },
  leftOut: [
    {
      of: "04",
      paths: ["metadata.managedFields{kube-controller-manager}"],
      why: "controllers write beside the API here: nobody is said to own what they write",
    },
  ],
});

const hasFailure = (object: JsonObject) => listAt(object, "status", "conditions").length === 3;
const isCounted = (object: JsonObject) => "used" in objectAt(object, "status");

async function limit(stage: Stage): Promise<void> {
  await stage.ask("POST", "/api/v1/namespaces/af-demo-quota/limitranges", {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: { name: "limits", namespace: "af-demo-quota" },
    spec: { limits: [{ type: "Container", max: { memory: "64Mi" } }] },
  });
}

/** Controllers work beside the server: what they write comes soon, not at once. */
