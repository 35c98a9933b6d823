import { draftOf, within } from "../../src/draft.ts";
import { marks } from "./marks.ts";
import { makeNamespace, replay } from "./story.ts";
import type { Exchange } from "../objects/parse-transcript.ts";
import { asObject } from "../objects/parse-transcript.ts";

const order = "a real server stops at an unknown field, in an order of fields that changes from run to run";

replay({
  folder: "04-apply",
  setUp: async (stage) => makeNamespace(stage),
  leftOut: [
    {
      of: "*",
      paths: ["metadata.annotations", "metadata.managedFields{kube-controller-manager}", "status"],
      why: "no controller works in this story",
    },
    { of: "17", paths: ["message"], why: order },
    { of: "18", paths: ["message"], why: order },
    {
      of: "74",
      paths: ["message", "details.causes[].message"],
      why: "it ends in a diff of Go structs",
    },
    { of: "73", paths: ["spec.volumes[].projected.sources{openshift-service-ca.crt}"], why: marks },
  ],
  request: (number, { request }) => (number === "69" ? withoutAnnotations(request) : request),
});

/** What an editor sends back that no controller has numbered. */
function withoutAnnotations(request: Exchange["request"]): Exchange["request"] {
  const body = draftOf(asObject(request.body));
  delete within(body, "metadata")["annotations"];
  return { ...request, body };
}
