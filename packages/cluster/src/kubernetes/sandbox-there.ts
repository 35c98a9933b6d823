/** What a target's release says of its sandboxes, and what the cluster has of it. */
import type { JsonObject } from "@agentflow/protocol";
import { podClassSetting, podImageSetting } from "../model/parts/sandbox.ts";
import { onKubernetes } from "../model/open-target.ts";
import { render } from "../model/render.ts";
import type { OpenedTarget } from "../model/target.ts";
import type { Cluster } from "./cluster.ts";
import { at, kindOf, listAt, nameOf, objectsAt, textAt, textsAt } from "./deploy/reading.ts";
import { plainObject } from "./deploy/parse-objects.ts";
import { ask } from "./doctor/ask.ts";
import { kubernetesLabels } from "./labels.ts";
import { serviceAccounts } from "./objects/access.ts";
import { releaseOf } from "./release-of.ts";
import { type RuntimeClass, seeRuntimeClass } from "./runtime-class.ts";

export interface PlannedSandbox {
  readonly release: string;
  readonly namespace: string;
  readonly runtimeClass: string;
  /** Labels that the nodes of the release have. */
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** NetworkPolicy that closes its pods. */
  readonly policy: string;
  /** Whom the broker is to the cluster. */
  readonly account: string;
  /** What it may do there: `create pods`. */
  readonly rights: readonly string[];
}

/** Of the release as it would be deployed; undefined where the project asks for no broker. */
export function plannedSandbox(target: OpenedTarget): PlannedSandbox | undefined {
  const { runtimeClass, nodeSelector } = onKubernetes(target);
  if (target.project.sandbox === undefined || runtimeClass === undefined) return undefined;
  const installation = render({ target, images: unbuilt, version: "0", secrets: [] });
  const release = releaseOf(installation, { target, capabilities: { keda: false } });
  const { name, namespace } = release;
  const objects = release.objects.map(plainObject);
  const policy = objects.find((one) => kindOf(one) === "NetworkPolicy" && closes(one, name));
  const account = serviceAccounts.sandbox(name);
  const role = objects.find((one) => kindOf(one) === "Role" && nameOf(one) === account);
  return {
    release: name,
    namespace,
    runtimeClass,
    nodeSelector,
    policy: policy === undefined ? "" : nameOf(policy),
    account,
    rights: objectsAt(role, "rules").flatMap(rightsOf),
  };
}

/** What is looked at does not depend on them. */
const unbuilt = { nats: "nats", controlPlane: "control-plane", worker: "worker:000000000000" } as const;

export interface SandboxThere {
  /** `v1.36.2` */
  readonly version: string;
  readonly runtimeClass: RuntimeClass;
  /** `open`: it is there, and does not close them. */
  readonly policy: "closes" | "open" | "absent" | "forbidden";
  /** Of the workers that are there; undefined where pods may not be listed. */
  readonly brokers?: SandboxBrokers;
}

export interface SandboxBrokers {
  readonly workers: number;
  readonly ready: number;
  /** Of their sandboxes; several while builds stand beside each other. */
  readonly images: readonly string[];
  readonly runtimeClasses: readonly string[];
}

/** Asks and changes nothing; what may not be read is said to be that. Throws when nobody answers. */
export async function seeSandbox(cluster: Cluster, planned: PlannedSandbox): Promise<SandboxThere> {
  const { release, namespace, runtimeClass: name, nodeSelector: selector, policy } = planned;
  const ofNamespace = encodeURIComponent(namespace);
  const policies = `/apis/networking.k8s.io/v1/namespaces/${ofNamespace}/networkpolicies`;
  const workers = encodeURIComponent(
    `${kubernetesLabels.instance}=${release},${kubernetesLabels.component}=worker`,
  );
  const [version, runtimeClass, found, pods] = await Promise.all([
    cluster.send("asking for its version", { method: "GET", path: "/version" }),
    seeRuntimeClass(cluster, { name, selector }),
    ask(cluster, `${policies}/${encodeURIComponent(policy)}`),
    ask(cluster, `/api/v1/namespaces/${ofNamespace}/pods?labelSelector=${workers}`),
  ]);
  const state = typeof found === "string" ? found : closes(found, release) ? "closes" : "open";
  return {
    version: textAt(version, "gitVersion"),
    runtimeClass,
    policy: state,
    ...(pods === "forbidden"
      ? {}
      : { brokers: brokersOf(pods === "absent" ? [] : objectsAt(pods, "items")) }),
  };
}

function brokersOf(pods: readonly JsonObject[]): SandboxBrokers {
  const living = pods.filter((pod) => textAt(pod, "metadata", "deletionTimestamp") === "");
  const states = living.flatMap((pod) => objectsAt(pod, "status", "initContainerStatuses"));
  const brokers = living.flatMap((pod) => objectsAt(pod, "spec", "initContainers")).filter(isBroker);
  return {
    workers: living.length,
    ready: states.filter((one) => textAt(one, "name") === "sandbox" && at(one, "ready") === true).length,
    images: told(brokers, podImageSetting),
    runtimeClasses: told(brokers, podClassSetting),
  };
}

function isBroker(container: JsonObject): boolean {
  return textAt(container, "name") === "sandbox";
}

function told(containers: readonly JsonObject[], setting: string): string[] {
  const values = containers
    .flatMap((one) => objectsAt(one, "env"))
    .filter((one) => textAt(one, "name") === setting)
    .map((one) => textAt(one, "value"));
  return [...new Set(values)].sort();
}

/** It selects what the broker makes, in both directions, and allows nothing. */
function closes(policy: JsonObject, release: string): boolean {
  const spec = at(policy, "spec");
  const types = listAt(spec, "policyTypes");
  const selected = textsAt(spec, "podSelector", "matchLabels");
  return (
    selected[kubernetesLabels.sandbox] === release &&
    Object.keys(selected).length === 1 &&
    listAt(spec, "podSelector", "matchExpressions").length === 0 &&
    types.includes("Ingress") &&
    types.includes("Egress") &&
    listAt(spec, "ingress").length === 0 &&
    listAt(spec, "egress").length === 0
  );
}

function rightsOf(rule: JsonObject): string[] {
  const verbs = listAt(rule, "verbs").filter((verb) => typeof verb === "string");
  return listAt(rule, "resources").flatMap((resource) =>
    typeof resource === "string" ? [`${verbs.join(", ")} ${resource}`] : [],
  );
}
