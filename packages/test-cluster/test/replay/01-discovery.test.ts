import { replay } from "./story.ts";

const notServed = "kinds and groups that AgentFlow neither renders nor uses are not served";
const groups = [
  "apiregistration.k8s.io",
  "events.k8s.io",
  "certificates.k8s.io",
  "admissionregistration.k8s.io",
  "scheduling.k8s.io",
  "discovery.k8s.io",
  "resource.k8s.io",
  "flowcontrol.apiserver.k8s.io",
];
const core = ["bindings", "componentstatuses", "podtemplates", "replicationcontrollers*"];
const storage = [
  "csidrivers",
  "csinodes",
  "csistoragecapacities",
  "volumeattachments",
  "volumeattributesclasses",
];
const addresses = ["ipaddresses", "servicecidrs*"];
const within = (list: string, names: readonly string[]) => names.map((name) => `${list}{${name}}`);

replay({
  folder: "01-discovery",
  leftOut: [
    { of: "*", paths: ["resources[].storageVersionHash"], why: "a hash of how a real server stores a kind" },
    { of: "03", paths: within("groups", groups), why: notServed },
    { of: "03", paths: within("groups[].versions", ["autoscaling/v1"]), why: notServed },
    { of: "04", paths: within("items[].versions[].resources", core), why: notServed },
    { of: "05", paths: within("items", groups), why: notServed },
    { of: "05", paths: within("items[].versions[].resources", [...storage, ...addresses]), why: notServed },
    { of: "05", paths: within("items[].versions", ["v1"]), why: notServed },
    { of: "06", paths: within("resources", core), why: notServed },
    { of: "11", paths: within("resources", addresses), why: notServed },
    {
      of: "19",
      paths: ["paths"],
      why: "the recorded server lists each of its checks and all groups; here only what is served is listed",
    },
  ],
});
