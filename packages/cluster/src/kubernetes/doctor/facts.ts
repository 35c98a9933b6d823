/** What the cluster has of what a release leans on: storage, KEDA, metrics, runtime classes, nodes. */
import { bad, type EngineCheck, good, note } from "../../docker/doctor/check.ts";
import { nameOf, objectsAt, textAt, textsAt } from "../deploy/reading.ts";
import { hasLabels, isReady, nodeAdvice, seeRuntimeClass } from "../runtime-class.ts";
import { ask } from "./ask.ts";
import type { Look } from "./target.ts";

const defaultClass = "storageclass.kubernetes.io/is-default-class";
const enforce = "pod-security.kubernetes.io/enforce";

export async function namespaceChecks({ cluster, target }: Look): Promise<{
  readonly checks: readonly EngineCheck[];
  readonly isThere: boolean;
}> {
  const { namespace } = target.settings;
  const found = await ask(cluster, `/api/v1/namespaces/${encodeURIComponent(namespace)}`);
  if (found === "absent") {
    const check = note("namespace", `${namespace} is not there yet`, `af deploy ${target.name} makes it`);
    return { checks: [check], isThere: false };
  }
  if (found === "forbidden") {
    const fact = `you may not read namespace ${namespace}; whether it is there shows below`;
    return { checks: [note("namespace", fact)], isThere: true };
  }
  if (textAt(found, "status", "phase") === "Terminating") {
    const fix = `what holds it: kubectl get namespace ${namespace} -o yaml; or another \`namespace:\``;
    return { checks: [bad("namespace", `${namespace} is being removed`, fix)], isThere: false };
  }
  const level = textsAt(found, "metadata", "labels")[enforce] ?? "none";
  const fact = `${namespace} is there, PodSecurity ${level}; our pods satisfy restricted`;
  return { checks: [good("namespace", fact)], isThere: true };
}

export async function clusterFacts(look: Look): Promise<EngineCheck[]> {
  const [storage, keda, metrics, runtime, nodes] = await Promise.all([
    storageChecks(look),
    kedaChecks(look),
    metricsCheck(look),
    runtimeChecks(look),
    nodeChecks(look),
  ]);
  return [...storage, ...keda, metrics, ...runtime, ...nodes, policyCheck];
}

const policyCheck = note(
  "network policy",
  "is written and kept; whether anybody enforces it cannot be proved from here",
  "ask who runs the cluster for its network plugin: Calico and Cilium enforce it, plain flannel does not",
);

async function storageChecks({ cluster, target }: Look): Promise<EngineCheck[]> {
  const { storage, nats } = target.settings;
  if (nats.url !== undefined && storage.filesGb === undefined) return [];
  const found = await ask(cluster, "/apis/storage.k8s.io/v1/storageclasses");
  if (found === "forbidden" || found === "absent")
    return [note("storage", "which storage classes there are may not be asked")];
  const classes = objectsAt(found, "items");
  const names = classes.map(nameOf);
  const there = names.length === 0 ? "the cluster has none" : `there are: ${names.join(", ")}`;
  const fix = `name one: \`storage: {className: …}\` of ${target.name}; ${there}`;
  const { className } = storage;
  const standard = classes.find((one) => textsAt(one, "metadata", "annotations")[defaultClass] === "true");
  if (className !== undefined) {
    const isThere = names.includes(className);
    return [
      isThere
        ? good("storage", `storage class ${className} is there`)
        : bad("storage", `no storage class ${className}`, fix),
    ];
  }
  if (standard === undefined) return [bad("storage", "no storage class is the default", fix)];
  return [
    good(
      "storage",
      `volumes come from ${nameOf(standard)}, the default (${textAt(standard, "provisioner")})`,
    ),
  ];
}

async function kedaChecks({ cluster, target }: Look): Promise<EngineCheck[]> {
  const scaled = Object.keys(target.settings.scaling);
  const found = await ask(cluster, "/apis/keda.sh/v1alpha1");
  const isServed =
    typeof found !== "string" && objectsAt(found, "resources").some((one) => nameOf(one) === "scaledobjects");
  if (isServed) return [good("keda", "is served: pools with `scaling:` are scaled by what waits")];
  if (scaled.length === 0) return [note("keda", "is not there; only `scaling:` would use it")];
  const fact = `is not there: ${scaled.join(", ")} scale by processor use instead`;
  return [note("keda", fact, "install it: https://keda.sh/docs/latest/deploy/")];
}

async function metricsCheck({ cluster, target }: Look): Promise<EngineCheck> {
  const found = await ask(cluster, "/apis/metrics.k8s.io/v1beta1").catch(() => "absent" as const);
  if (typeof found !== "string")
    return good("metrics", "metrics.k8s.io is served: af top shows what pods use");
  const needsIt = Object.keys(target.settings.scaling).length > 0;
  const scales = needsIt ? ", and nothing scales by it" : "";
  const fact = `metrics.k8s.io is not served: af top shows no use of pods${scales}`;
  return note("metrics", fact, "install metrics-server");
}

async function runtimeChecks({ cluster, target }: Look): Promise<EngineCheck[]> {
  const { runtimeClass } = target.settings;
  if (runtimeClass === undefined) return [];
  const selector = target.settings.nodeSelector;
  const found = await seeRuntimeClass(cluster, { name: runtimeClass, selector });
  if (found.state === "forbidden")
    return [note("runtime class", `whether ${runtimeClass} is there may not be asked`)];
  if (found.state === "absent") {
    const there = found.known.length === 0 ? "the cluster has none" : `there are: ${found.known.join(", ")}`;
    const fix = `\`runtimeClass:\` of the target names one; ${there}`;
    return [bad("runtime class", `${runtimeClass}, for untrusted tools, is not there`, fix)];
  }
  const is = `${runtimeClass} is there (handler ${found.handler})`;
  if (found.nodes === "forbidden") return [note("runtime class", `${is}; on which nodes may not be asked`)];
  const fit = found.nodes.filter(({ isOpen, isReady: isUp }) => isOpen && isUp);
  if (fit.length > 0) return [good("runtime class", `${is}, and ${countOf(fit.length)} its pods`)];
  return [bad("runtime class", `no node takes pods of ${runtimeClass}`, nodeAdvice(found))];
}

function countOf(nodes: number): string {
  return nodes === 1 ? "1 node takes" : `${nodes} nodes take`;
}

async function nodeChecks({ cluster, target }: Look): Promise<EngineCheck[]> {
  const found = await ask(cluster, "/api/v1/nodes");
  if (typeof found === "string")
    return [note("nodes", "you may not list nodes; their architectures show at the pull")];
  const { nodeSelector } = target.settings;
  const nodes = objectsAt(found, "items");
  const fit = nodes.filter((node) => hasLabels(node, nodeSelector) && isReady(node));
  const kinds = Map.groupBy(fit, (node) => textAt(node, "status", "nodeInfo", "architecture"));
  const counts = [...kinds].map(([name, { length }]) => `${length} of ${name}`).join(", ");
  if (fit.length === 0) {
    const fix = "kubectl get nodes --show-labels; `nodeSelector:` of the target";
    return [bad("nodes", `none of ${nodes.length} nodes is ready and takes our pods`, fix)];
  }
  const fact = `${fit.length} of ${nodes.length} take our pods: ${counts}`;
  if (kinds.size < 2) return [good("nodes", fact)];
  return [
    note("nodes", fact, "images must be built for each of them, or `nodeSelector: {kubernetes.io/arch: …}`"),
  ];
}
