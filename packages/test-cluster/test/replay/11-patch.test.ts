import { objectAt } from "../../src/draft.ts";
import type { JsonObject } from "../../src/object.ts";
import { asObject, transcripts } from "../objects/parse-transcript.ts";
import { makeNamespace, replay } from "./story.ts";

const deployments = "/apis/apps/v1/namespaces/af-demo/deployments";

replay({
  folder: "11-patch",
  setUp: async (stage) => {
    await makeNamespace(stage);
    await stage.ask("POST", deployments, patchy());
  },
  before: {
    // A controller says again what it has seen, over what the client wrote there.
    "18": async (stage) => {
      const path = `${deployments}/patchy/status?fieldManager=kube-controller-manager`;
      await stage.ask("PATCH", path, { status: { observedGeneration: 5 } }, "application/merge-patch+json");
    },
  },
  leftOut: [
    {
      of: "*",
      paths: ["metadata.annotations", "metadata.managedFields{kube-controller-manager}", "status"],
      why: "no controller works in this story",
    },
    ...["18", "19"].map((of) => ({
      of,
      paths: ["f:metadata", "f:status.f:conditions", "f:status.f:replicas", "f:status.f:terminatingReplicas"]
        .concat(["f:status.f:unavailableReplicas", "f:status.f:updatedReplicas"])
        .map((field) => `metadata.managedFields[].fieldsV1.${field}`),
      why: "the one controller that writes here writes one field",
    })),
    {
      of: "11",
      paths: ["message", "details.causes[].message"],
      why: "it quotes the object, its keys in the order of Go structs",
    },
  ],
});

/** What the first patch found, which was made without being recorded. */
function patchy(): JsonObject {
  const [first] = transcripts("11-patch");
  const metadata = { name: "patchy", labels: { app: "patchy" } };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: objectAt(asObject(first?.response.body), "spec"),
  };
}
