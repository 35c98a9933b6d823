/** AF952 to AF960: what is wrong with a target in a cluster, with pointers into agentflow.yaml. */
import { type Finding, type KubernetesTarget, nearest, type TargetDefinition } from "@agentflow/protocol";

interface Place {
  readonly at: string;
  readonly pools: readonly string[];
}

export function kubernetesFindings(definition: KubernetesTarget, { at, pools }: Place): Finding[] {
  return [
    ...scalingFindings(definition, { at, pools }),
    ...imageFindings(definition, at),
    ...ingressFindings(definition, at),
    ...namespaceFindings(definition, at),
  ];
}

function scalingFindings({ scaling = {}, workers = {} }: KubernetesTarget, { at, pools }: Place): Finding[] {
  return Object.entries(scaling).flatMap(([pool, { min, max }]): Finding[] => {
    const path = `${at}/scaling/${pool}`;
    if (!pools.includes(pool)) {
      const near = nearest(pool, pools);
      const message = `there is no pool ${pool}${near === undefined ? "" : ` (did you mean ${near}?)`}`;
      const hint = `add it to pools:, or name one of ${pools.join(", ")}`;
      return [{ code: "AF952", severity: "error", path, message, hint }];
    }
    if (min > max) {
      const message = `at least ${min} workers of ${pool}, but at most ${max}`;
      return [{ code: "AF953", severity: "error", path: `${path}/min`, message, hint: "swap min and max" }];
    }
    if (!Object.hasOwn(workers, pool)) return [];
    const message = `${pool} has a fixed number of workers and is scaled as well`;
    const hint = `leave out workers.${pool}, or scaling.${pool}`;
    return [{ code: "AF954", severity: "error", path, message, hint }];
  });
}

function imageFindings({ registry, imageLoad }: KubernetesTarget, at: string): Finding[] {
  if (imageLoad === undefined) return [];
  const path = `${at}/imageLoad`;
  if (registry !== undefined) {
    const message = "images are pushed to a registry or loaded into the nodes, not both";
    return [{ code: "AF955", severity: "error", path, message, hint: "leave out registry, or imageLoad" }];
  }
  if (imageLoad.includes("{image}") || imageLoad.startsWith("env://")) return [];
  const message = "the command does not say where the image's name goes";
  const hint = "write {image} in it: kind load docker-image {image}";
  return [{ code: "AF956", severity: "error", path, message, hint }];
}

function ingressFindings({ ingress }: KubernetesTarget, at: string): Finding[] {
  if (ingress === undefined || ingress.tlsSecret !== undefined) return [];
  const message = "without tlsSecret tokens cross the network in the clear, unless the controller has one";
  const hint = "tlsSecret: the name of a Secret with the certificate of the host";
  return [{ code: "AF957", severity: "warning", path: `${at}/ingress`, message, hint }];
}

const system = new Set(["kube-system", "kube-public", "kube-node-lease"]);

function namespaceFindings({ namespace }: KubernetesTarget, at: string): Finding[] {
  if (namespace === undefined || !system.has(namespace)) return [];
  const message = `${namespace} belongs to the cluster itself`;
  const hint = "leave it out for the project's own name";
  return [{ code: "AF958", severity: "error", path: `${at}/namespace`, message, hint }];
}

/** Fail closed: a pod beside others is no wall against code that nobody trusts, unless its runtime is one. */
export function sandboxFindings(
  definition: TargetDefinition,
  { at, isAsked }: { readonly at: string; readonly isAsked: boolean },
): Finding[] {
  if (definition.kind !== "kubernetes" || !isAsked || definition.runtimeClass !== undefined) return [];
  const message = "the project has a sandbox, and the target names no runtimeClass for its pods";
  const hint = "runtimeClass: gvisor, or another RuntimeClass of the cluster that isolates";
  return [{ code: "AF959", severity: "error", path: at, message, hint }];
}
