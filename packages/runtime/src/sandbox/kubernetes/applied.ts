/** What the cluster says that a pod has, held against what was asked: less than that is no sandbox. */
import type { Json, SandboxApplied } from "@agentflow/protocol";
import { jsonAt, jsonList, jsonText } from "../applied.ts";
import type { SandboxRequest } from "../source.ts";
import { unavailable } from "../unavailable.ts";
import { type PodPlan, type PodShape, containerName, podLabels } from "./shape.ts";

export interface AppliedPod {
  readonly shape: PodShape;
  readonly request: SandboxRequest;
  readonly plan: PodPlan;
  /** `v1.36.2` */
  readonly version: string;
}

/** Of the pod, word for word as we asked: what admission adds to pods may open what was closed. */
const exact = [
  "runtimeClassName",
  "automountServiceAccountToken",
  "dnsPolicy",
  "dnsConfig",
  "securityContext",
  "volumes",
  "hostname",
  "activeDeadlineSeconds",
];
/** Not set by us, and weaker than nothing when somebody else sets them. */
const absent = [
  "initContainers",
  "ephemeralContainers",
  "hostNetwork",
  "hostPID",
  "hostIPC",
  "shareProcessNamespace",
];
const ofContainer = ["image", "command", "env", "securityContext", "volumeMounts", "workingDir"];
const absentInContainer = ["envFrom", "lifecycle", "volumeDevices", "args"];

/** Throws `sandbox_unavailable`, naming each thing that is other than asked. */
export function appliedOf(pod: Json, of: AppliedPod): SandboxApplied {
  const { shape, request, plan, version } = of;
  const spec = jsonAt(pod, "spec");
  const asked = jsonAt(plan.pod, "spec");
  const containers = jsonList(jsonAt(spec, "containers"));
  const [container = null] = containers;
  const [wanted = null] = jsonList(jsonAt(asked, "containers"));
  const labels = jsonAt(pod, "metadata", "labels");
  const others = [
    // By it alone the network policy finds the pod; by that of the installation it would have its ways.
    ...differs("label", jsonAt(labels, podLabels.sandbox), shape.owner),
    ...(isNothing(jsonAt(labels, podLabels.instance))
      ? []
      : [`label ${podLabels.instance}: set by the cluster`]),
    ...(containers.length === 1 ? [] : [`containers: ${containers.length} instead of 1`]),
    ...exact.flatMap((key) => differs(key, jsonAt(spec, key), jsonAt(asked, key))),
    ...absent.flatMap((key) => (isNothing(jsonAt(spec, key)) ? [] : [`${key}: set by the cluster`])),
    ...ofContainer.flatMap((key) => differs(key, jsonAt(container, key), jsonAt(wanted, key))),
    ...absentInContainer.flatMap((key) =>
      isNothing(jsonAt(container, key)) ? [] : [`${key}: set by the cluster`],
    ),
    ...differs("limits", jsonAt(container, "resources", "limits"), jsonAt(wanted, "resources", "limits")),
    ...added("securityContext", jsonAt(spec, "securityContext"), jsonAt(asked, "securityContext")),
    ...added("securityContext", jsonAt(container, "securityContext"), jsonAt(wanted, "securityContext")),
    ...added("capabilities", ...capabilities(container, wanted)),
  ];
  if (others.length > 0) {
    throw unavailable(`the cluster gave another pod than was asked for (${others.join("; ")})`, [
      `what changes pods there: kubectl get mutatingwebhookconfigurations`,
      `keep it away from pods with the label agentflow.dev/sandbox`,
    ]);
  }
  return {
    profile: "kubernetes",
    runtime: shape.runtimeClass ?? "default",
    image: imageOf(pod) ?? shape.image,
    network: request.network,
    memoryMb: request.memoryMb,
    cpus: request.cpus,
    pids: request.pids,
    tmpMb: request.tmpMb,
    user: `${plan.user}:${plan.user}`,
    seccomp: "RuntimeDefault",
    engine: `kubernetes ${version}`,
  };
}

/** What some clusters add to every pod, and what opens nothing. */
const harmless = new Set(["seLinuxOptions", "fsGroup", "fsGroupChangePolicy", "supplementalGroupsPolicy"]);

/** Keys that we did not set: `privileged`, `add`, another user. */
function added(what: string, is: Json, asked: Json): string[] {
  if (typeof is !== "object" || is === null) return [];
  return Object.entries(is).flatMap(([key, value]) =>
    isNothing(value) || harmless.has(key) || jsonAt(asked, key) !== null
      ? []
      : [`${what}.${key}: ${short(value)}`],
  );
}

function capabilities(container: Json, wanted: Json): [is: Json, asked: Json] {
  return [
    jsonAt(container, "securityContext", "capabilities"),
    jsonAt(wanted, "securityContext", "capabilities"),
  ];
}

function differs(what: string, is: Json, asked: Json): string[] {
  if (includes(is, asked)) return [];
  return [`${what}: ${short(is)} instead of ${short(asked)}`];
}

/** The same, but for fields that the API server fills in beside ours: those of lists and scalars are all. */
function includes(is: Json, asked: Json): boolean {
  if (Array.isArray(asked)) {
    const list = jsonList(is);
    return (
      list.length === asked.length && asked.every((one: Json, place) => includes(list[place] ?? null, one))
    );
  }
  if (typeof asked === "object" && asked !== null) {
    return Object.entries(asked).every(([key, value]) => includes(jsonAt(is, key), value));
  }
  return is === asked || (isNothing(is) && isNothing(asked));
}

function isNothing(value: Json): boolean {
  return value === null || value === false || value === "" || (Array.isArray(value) && value.length === 0);
}

function short(value: Json): string {
  return JSON.stringify(value).slice(0, 120);
}

/** The image's content, which the kubelet knows once it runs. */
function imageOf(pod: Json): string | undefined {
  const statuses = jsonList(jsonAt(pod, "status", "containerStatuses"));
  const own = statuses.find((one) => jsonText(one, "name") === containerName) ?? null;
  return /sha256:[0-9a-f]{64}/.exec(jsonText(own, "imageID"))?.[0];
}
