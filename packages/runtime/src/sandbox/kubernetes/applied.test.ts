/** What admission may make of a sandbox's pod: whatever opens it ends the call. */
import type { Json, JsonObject } from "@agentflow/protocol";
import { expect, test } from "vitest";
import { appliedOf } from "./applied.ts";
import { podOf, type PodShape } from "./shape.ts";

const shape: PodShape = {
  namespace: "shop",
  image: "shop:1",
  projectDir: "/srv/project",
  entry: "/opt/entry.js",
  owner: "shop-prod",
  placed: {},
};
const request = {
  tool: "app.kubernetes.io/instance=shop-prod",
  run: "r1",
  step: "../../x",
  lifeMs: 1_000,
  network: [],
  memoryMb: 128,
  cpus: 0.5,
  pids: 32,
  tmpMb: 8,
};
const plan = podOf(shape, request, { now: 0, nonce: "n" });
const { metadata, spec } = plan.pod;

function given(pod: Json): unknown {
  return appliedOf(pod, { shape, request, plan, version: "v1.36.2" });
}

function object(value: Json | undefined): JsonObject {
  return Object.fromEntries(Object.entries(value ?? {}));
}

const containers = object(spec)["containers"];
const container = object(Array.isArray(containers) ? containers[0] : undefined);
const labels = object(object(metadata)["labels"]);

const withSpec = (more: JsonObject): JsonObject => ({ ...plan.pod, spec: { ...object(spec), ...more } });
const withContainer = (more: JsonObject): JsonObject => withSpec({ containers: [{ ...container, ...more }] });
const withLabels = (all: JsonObject): JsonObject => ({
  ...plan.pod,
  metadata: { ...object(metadata), labels: all },
});

test("the pod as it was asked for is one, with what servers fill in", () => {
  expect(given(plan.pod)).toMatchObject({ profile: "kubernetes", network: [] });
  const filled = {
    restartPolicy: "Never",
    schedulerName: "default-scheduler",
    serviceAccountName: "default",
  };
  expect(given(withSpec(filled))).toMatchObject({ profile: "kubernetes" });
});

test("what a tool is called stands in no label: policies and brokers go by those", () => {
  expect(labels).toEqual({
    "app.kubernetes.io/managed-by": "agentflow",
    "agentflow.dev/sandbox": "shop-prod",
  });
  expect(plan.name).toMatch(/^shop-prod-sandbox-[0-9a-f]{12}$/);
});

test.each([
  ["its label is gone: no policy finds it", withLabels({})],
  ["it is another broker's", withLabels({ ...labels, "agentflow.dev/sandbox": "other" })],
  ["it has the ways of a worker", withLabels({ ...labels, "app.kubernetes.io/instance": "shop-prod" })],
  ["a sidecar", withSpec({ containers: [container, { name: "proxy", image: "proxy:1" }] })],
  ["one before it", withSpec({ initContainers: [{ name: "init", image: "init:1" }] })],
  ["the node's network", withSpec({ hostNetwork: true })],
  ["a token", withSpec({ automountServiceAccountToken: true })],
  ["names that lead somewhere", withSpec({ dnsPolicy: "ClusterFirst" })],
  [
    "a volume",
    withSpec({
      volumes: [
        { name: "tmp", emptyDir: {} },
        { name: "x", hostPath: { path: "/" } },
      ],
    }),
  ],
  ["another user", withSpec({ securityContext: { runAsUser: 0 } })],
  ["another image", withContainer({ image: "other:1" })],
  ["variables", withContainer({ env: [{ name: "HTTPS_PROXY", value: "http://elsewhere" }] })],
  ["variables of a Secret", withContainer({ envFrom: [{ secretRef: { name: "shop-prod-secrets" } }] })],
  ["rights", withContainer({ securityContext: { privileged: true } })],
  ["no limits", withContainer({ resources: {} })],
])("%s: no sandbox", (_, pod) => {
  expect(() => given(pod)).toThrow(/the cluster gave another pod than was asked for/);
});
