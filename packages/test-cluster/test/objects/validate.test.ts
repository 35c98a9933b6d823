import { describe, expect, test } from "vitest";
import { createObject, updateObject, type Answer, type Kind } from "../../src/change.ts";
import { draftOf, textAt, within } from "../../src/draft.ts";
import type { Json, JsonObject } from "../../src/object.ts";
import { asObject } from "./parse-transcript.ts";
import { gifts } from "./replayed.ts";

function kindOf(group: string, kind: string, version = "v1"): Kind {
  return { group, version, kind, resource: `${kind.toLowerCase()}s`, namespaced: true };
}

function create(kind: Kind, body: JsonObject): Answer {
  const ask = { kind, namespace: "one", name: "", manager: "team", fieldValidation: "Strict" as const };
  return createObject(ask, body, gifts);
}

function update(kind: Kind, body: JsonObject, live: JsonObject): Answer {
  const ask = { kind, namespace: "one", name: "web", manager: "team", fieldValidation: "Strict" as const };
  return updateObject(ask, body, live, gifts);
}

function faults(answer: Answer): readonly string[] {
  if (answer.ok) return [];
  const causes = asObject(answer.status["details"])["causes"];
  const listed = Array.isArray(causes) ? causes.map(asObject) : [];
  return listed.map((cause) => `${textAt(cause, "field")}: ${textAt(cause, "message")}`);
}

const deployment = kindOf("apps", "Deployment");

/** A Deployment with one container, changed at one place. */
function web(path: readonly string[], value: Json): JsonObject {
  const made = draftOf({
    metadata: { name: "web" },
    spec: {
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [] } },
    },
  });
  const container = draftOf({ name: "main", image: "a:1" });
  const pod = within(made, "spec", "template", "spec");
  pod["containers"] = [container];
  const [first, ...rest] = path;
  const target = first === "container" ? container : first === "pod" ? pod : within(made, first ?? "spec");
  const last = rest.pop() ?? "";
  within(target, ...rest)[last] = draftOf({ value })["value"] ?? null;
  return made;
}

const pod = "spec.template.spec";
const main = `${pod}.containers[0]`;

describe("what is wrong with a Deployment", () => {
  test.each<[string, readonly string[], Json, string]>([
    [
      "a port of 0",
      ["container", "ports"],
      [{ containerPort: 0 }],
      `${main}.ports[0].containerPort: Required value`,
    ],
    [
      "a long name of a port",
      ["container", "ports"],
      [{ containerPort: 1, name: "much-too-long-a-name" }],
      `${main}.ports[0].name: Invalid value: "much-too-long-a-name": must be no more than 15 characters`,
    ],
    [
      "a probe of nothing",
      ["container", "livenessProbe"],
      {},
      `${main}.livenessProbe: Required value: must specify a handler type`,
    ],
    [
      "a probe of two things",
      ["container", "readinessProbe"],
      { httpGet: { port: 1 }, tcpSocket: { port: 1 } },
      `${main}.readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type`,
    ],
    [
      "a liveness that wants two successes",
      ["container", "livenessProbe"],
      { httpGet: { port: 1 }, successThreshold: 2 },
      `${main}.livenessProbe.successThreshold: Invalid value: 2: must be 1`,
    ],
    [
      "a mount of no volume",
      ["container", "volumeMounts"],
      [{ name: "none", mountPath: "/x" }],
      `${main}.volumeMounts[0].name: Not found: "none"`,
    ],
    [
      "a bad name of a container",
      ["container", "name"],
      "Main",
      `${main}.name: Invalid value: "Main": a lowercase RFC 1123 label must consist of lower case ` +
        "alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. " +
        "'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
    [
      "an empty volume",
      ["pod", "volumes"],
      [{ name: "x", secret: {} }],
      `${pod}.volumes[0].secret.secretName: Required value`,
    ],
    [
      "two volumes of one name",
      ["pod", "volumes"],
      [
        { name: "x", emptyDir: {} },
        { name: "x", emptyDir: {} },
      ],
      `${pod}.volumes[1].name: Duplicate value: "x"`,
    ],
    [
      "a user below zero",
      ["pod", "securityContext"],
      { runAsUser: -1 },
      `${pod}.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive`,
    ],
    [
      "a grace below zero",
      ["pod", "terminationGracePeriodSeconds"],
      -1,
      `${pod}.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0`,
    ],
    [
      "a deadline that readiness outlasts",
      ["spec", "minReadySeconds"],
      600,
      "spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds",
    ],
    [
      "a variable from nowhere",
      ["container", "env"],
      [{ name: "A", valueFrom: {} }],
      `${main}.env[0].valueFrom: Invalid value: "": must specify one of: ` +
        "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
    ],
    [
      "a token that ends too soon",
      ["pod", "volumes"],
      [
        {
          name: "x",
          projected: { sources: [{ serviceAccountToken: { path: "token", expirationSeconds: 60 } }] },
        },
      ],
      `${pod}.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: ` +
        "Invalid value: 60: may not specify a duration less than 10 minutes",
    ],
    [
      "a mode of more than nine bits",
      ["pod", "volumes"],
      [{ name: "x", secret: { secretName: "x", defaultMode: 4440 } }],
      `${pod}.volumes[0].secret.defaultMode: ` +
        "Invalid value: 4440: must be a number between 0 and 0777 (octal), both inclusive",
    ],
    [
      "a file above its volume",
      ["pod", "volumes"],
      [{ name: "x", configMap: { name: "x", items: [{ key: "a", path: "../a" }] } }],
      `${pod}.volumes[0].configMap.items[0].path: Invalid value: "../a": must not contain '..'`,
    ],
    [
      "a variable of what a pod does not know of itself",
      ["container", "env"],
      [{ name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.generation" } } }],
      `${main}.env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.generation": supported ` +
        'values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", ' +
        '"spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
    ],
    [
      "a sleep that its grace does not last for",
      ["container", "lifecycle"],
      { preStop: { sleep: { seconds: 31 } } },
      `${main}.lifecycle.preStop.sleep.seconds: ` +
        "Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)",
    ],
    [
      "a probe of what only comes first",
      ["pod", "initContainers"],
      [{ name: "first", image: "a:1", readinessProbe: { httpGet: { port: 1 } } }],
      `${pod}.initContainers[0].readinessProbe: ` +
        "Forbidden: may not be set for init containers without restartPolicy=Always",
    ],
    [
      "a gate without a name",
      ["pod", "readinessGates"],
      [{ conditionType: "" }],
      `${pod}.readinessGates[0].conditionType: Invalid value: "": name part must be non-empty`,
    ],
    [
      "no name service, and none in its place",
      ["pod", "dnsPolicy"],
      "None",
      `${pod}.dnsConfig.nameservers: ` +
        "Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
    ],
    [
      "one way of spreading twice",
      ["pod", "topologySpreadConstraints"],
      [
        { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" },
        { maxSkew: 2, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway" },
      ],
      `${pod}.topologySpreadConstraints[1].{topologyKey, whenUnsatisfiable}: ` +
        'Duplicate value: "{zone, ScheduleAnyway}"',
    ],
    [
      "a rollout that may neither add nor take",
      ["spec", "strategy"],
      { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } },
      "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
    ],
  ])("%s", (_, path, value, fault) => {
    expect(faults(create(deployment, web(path, value)))).toEqual([fault]);
  });

  test("and nothing is wrong with it as it is", () => {
    expect(create(deployment, web(["spec", "replicas"], 0))).toMatchObject({ ok: true, warnings: [] });
  });
});

test.each<[string, Kind, JsonObject, string]>([
  ["a Service without ports", kindOf("", "Service"), {}, "spec.ports: Required value"],
  [
    "a claim without modes",
    kindOf("", "PersistentVolumeClaim"),
    { resources: { requests: { storage: "1Gi" } } },
    "spec.accessModes: Required value: at least 1 access mode is required",
  ],
  [
    "an autoscaler whose most is less than its least",
    kindOf("autoscaling", "HorizontalPodAutoscaler", "v2"),
    { minReplicas: 3, maxReplicas: 2, scaleTargetRef: { kind: "Deployment", name: "x" } },
    "spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`",
  ],
  [
    "an autoscaler by a share of nothing",
    kindOf("autoscaling", "HorizontalPodAutoscaler", "v2"),
    {
      maxReplicas: 2,
      scaleTargetRef: { kind: "Deployment", name: "x" },
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 0 } },
        },
      ],
    },
    "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0",
  ],
  [
    "a budget of more than all",
    kindOf("policy", "PodDisruptionBudget"),
    { minAvailable: "101%", selector: {} },
    'spec.minAvailable: Invalid value: "101%": must not be greater than 100%',
  ],
  [
    "a selector that asks for nothing in particular",
    kindOf("policy", "PodDisruptionBudget"),
    { minAvailable: 1, selector: { matchExpressions: [{ key: "app", operator: "In", values: [] }] } },
    "spec.selector.matchExpressions[0].values: " +
      "Required value: must be specified when `operator` is 'In' or 'NotIn'",
  ],
  [
    "a policy for addresses that are none",
    kindOf("networking.k8s.io", "NetworkPolicy"),
    { podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: "10.0.0.0" } }] }] },
    'spec.egress[0].to[0].ipBlock.cidr: Invalid value: "10.0.0.0": ' +
      "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
  ],
  [
    "a policy that excepts what it does not mean",
    kindOf("networking.k8s.io", "NetworkPolicy"),
    { podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/16"] } }] }] },
    'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": ' +
      "must be a strict subset of `cidr`",
  ],
  [
    "an Ingress to no port",
    kindOf("networking.k8s.io", "Ingress"),
    {
      rules: [{ http: { paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "x" } } }] } }],
    },
    "spec.rules[0].http.paths[0].backend.service.port: Required value: port name or number is required",
  ],
  [
    "an Ingress of an address",
    kindOf("networking.k8s.io", "Ingress"),
    {
      rules: [
        {
          host: "10.0.0.1",
          http: {
            paths: [
              { path: "/", pathType: "Prefix", backend: { service: { name: "x", port: { number: 1 } } } },
            ],
          },
        },
      ],
    },
    'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
  ],
  [
    "an Ingress without a kind of path",
    kindOf("networking.k8s.io", "Ingress"),
    {
      rules: [
        { http: { paths: [{ path: "/", backend: { service: { name: "x", port: { number: 80 } } } }] } },
      ],
    },
    "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
  ],
  [
    "a Job that always restarts",
    kindOf("batch", "Job"),
    { template: { spec: { restartPolicy: "Always", containers: [{ name: "a", image: "a" }] } } },
    'spec.template.spec.restartPolicy: Unsupported value: "Always": supported values: "OnFailure", "Never"',
  ],
  [
    "a CronJob of four fields",
    kindOf("batch", "CronJob"),
    {
      schedule: "* * * *",
      jobTemplate: {
        spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "a", image: "a" }] } } },
      },
    },
    'spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]',
  ],
])("%s is refused", (_, kind, spec, fault) => {
  expect(faults(create(kind, { metadata: { name: "web" }, spec }))).toEqual([fault]);
});

describe("what may not change", () => {
  test.each<[string, Kind, JsonObject, JsonObject, string]>([
    [
      "where a Service is",
      kindOf("", "Service"),
      { spec: { ports: [{ port: 80 }] } },
      { spec: { ports: [{ port: 80 }], clusterIP: "10.96.9.9", clusterIPs: ["10.96.9.9"] } },
      'spec.clusterIPs[0]: Invalid value: ["10.96.9.9"]: may not change once set',
    ],
    [
      "a claim, to less than it was",
      kindOf("", "PersistentVolumeClaim"),
      { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "2Gi" } } } },
      { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } },
      "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity",
    ],
    [
      "the type of a Secret",
      kindOf("", "Secret"),
      { stringData: { a: "1" } },
      { type: "other" },
      'type: Invalid value: "other": field is immutable',
    ],
    [
      "a ConfigMap that says so",
      kindOf("", "ConfigMap"),
      { data: { a: "1" }, immutable: true },
      { data: { a: "2" }, immutable: true },
      "data: Forbidden: field is immutable when `immutable` is set",
    ],
    [
      "whom a RoleBinding gives rights from",
      kindOf("rbac.authorization.k8s.io", "RoleBinding"),
      { roleRef: { kind: "Role", name: "a" } },
      { roleRef: { kind: "Role", name: "b" } },
      'roleRef: Invalid value: {"kind":"Role","name":"b","apiGroup":"rbac.authorization.k8s.io"}: ' +
        "cannot change roleRef",
    ],
  ])("%s", (_, kind, first, second, fault) => {
    const made = create(kind, { metadata: { name: "web" }, ...first });
    if (!made.ok) throw new Error(made.status.message);
    expect(faults(update(kind, { metadata: { name: "web" }, ...second }, made.object))).toEqual([fault]);
  });
});

test("a custom kind is kept as it was sent, counts its generations, and has no status from outside", () => {
  const kind = { ...kindOf("keda.sh", "ScaledObject", "v1alpha1"), custom: true };
  const spec = { triggers: [{ type: "metrics-api" }], odd: { deep: 1 } };
  const made = create(kind, { metadata: { name: "web" }, spec, status: { no: true } });
  if (!made.ok) throw new Error(made.status.message);
  expect(made.object).toMatchObject({ spec, metadata: { generation: 1 } });
  expect(made.object).not.toHaveProperty("status");
  const changed = update(kind, { metadata: { name: "web" }, spec: { triggers: [] } }, made.object);
  expect(changed).toMatchObject({ ok: true, object: { metadata: { generation: 2 } } });
});

test("a generated name has 63 letters at most: the pods of a long Deployment lose their last hyphen", () => {
  const generateName = `${"shop-prod-worker-default-".repeat(3).slice(0, 59)}-`;
  const made = create(kindOf("", "ConfigMap"), { metadata: { generateName } });
  if (!made.ok) throw new Error(made.status.message);
  expect(made.object.metadata.name).toHaveLength(63);
  expect(made.object.metadata.name.slice(0, 58)).toBe(generateName.slice(0, 58));
  expect(made.object.metadata).toMatchObject({ generateName });
});

test("what is empty is left out, but for what a kind always has", () => {
  const map = create(kindOf("", "ConfigMap"), { metadata: { name: "web", labels: {} }, data: {} });
  const range = create(kindOf("", "LimitRange"), { metadata: { name: "web" }, spec: { limits: [] } });
  if (!map.ok || !range.ok) throw new Error("refused");
  expect(map.object).not.toHaveProperty("data");
  expect(map.object.metadata).not.toHaveProperty("labels");
  expect(range.object).toMatchObject({ spec: { limits: [] } });
});
