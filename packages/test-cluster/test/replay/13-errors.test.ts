import { marks } from "./marks.ts";
import { configMap, demo, makeLimited, makeNamespace, replay, type Stage } from "./story.ts";

let limited = "";
const asLimited = ["03", "04", "05", "06", "07"];

const repeated = (count: number) => "x".repeat(count);
const bodies: Readonly<Record<string, () => string>> = {
  24: () => JSON.stringify(configMap("big", { data: { a: repeated(1_100_000) } })),
  25: () => JSON.stringify(configMap("big", { data: { a: repeated(3_300_000) } })),
  26: () =>
    JSON.stringify({
      ...configMap("etcd"),
      metadata: { name: "etcd", annotations: { a: repeated(300_000) } },
    }),
};

replay({
  folder: "13-errors",
  async setUp(stage) {
    await makeNamespace(stage);
    limited = await makeLimited(stage);
    await stage.ask("POST", `${demo}/configmaps`, configMap("dup"));
  },
  before: { "07": mayMakeRoles },
  async token(number, stage) {
    if (number === "01") return "nobody-knows-this-token";
    if (number === "02") return undefined;
    return asLimited.includes(number) ? limited : stage.cluster.adminToken;
  },
  leftOut: [
    { of: "16", paths: ["message"], why: "the words of another reader of JSON" },
    { of: "27", paths: ["spec.volumes[].projected.sources{openshift-service-ca.crt}"], why: marks },
  ],
  request: (number, { request }) => ({ ...request, body: bodies[number]?.() ?? request.body ?? null }),
});

async function mayMakeRoles(stage: Stage): Promise<void> {
  const group = "rbac.authorization.k8s.io";
  const path = `/apis/${group}/v1/namespaces/af-demo`;
  const head = { apiVersion: `${group}/v1`, metadata: { name: "roles", namespace: "af-demo" } };
  const rules = [{ apiGroups: [group], resources: ["roles"], verbs: ["create"] }];
  await stage.ask("POST", `${path}/roles`, { ...head, kind: "Role", rules });
  await stage.ask("POST", `${path}/rolebindings`, {
    ...head,
    kind: "RoleBinding",
    roleRef: { apiGroup: group, kind: "Role", name: "roles" },
    subjects: [{ kind: "ServiceAccount", name: "limited", namespace: "af-demo" }],
  });
}
