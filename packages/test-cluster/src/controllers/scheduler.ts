/** The scheduler: a node for each pod, or the reason why there is none. */
import type { ObjectEvent, ObjectKey } from "../store.ts";
import type { Controller } from "../world/loop.ts";
import { type Node, type Pod, parseCopy, parseKind, parseObject } from "../world/parse-kinds.ts";
import { hasEnded, withCondition } from "../world/pods-state.ts";
import { quantity } from "../world/quantity.ts";
import { fits, hasLabels } from "../world/selectors.ts";
import { change, get, list, type World } from "../world/world.ts";

export function scheduler(world: World): Controller {
  return {
    name: "scheduler",
    concerns: (event) => concerned(world, event),
    reconcile: (key) => reconcile(world, key),
  };
}

/** A pod without a node; all such pods when nodes changed or a pod made room. */
function concerned(world: World, event: ObjectEvent): ObjectKey[] {
  const { resource } = event.key;
  if (resource === "pods" && event.type !== "DELETED") {
    const pod = parseKind("pods", event.object);
    if (!hasEnded(pod)) return pod.spec.nodeName === undefined ? [event.key] : [];
  }
  if (resource !== "pods" && resource !== "nodes" && resource !== "persistentvolumeclaims") return [];
  return list(world.store, "pods")
    .filter((pod) => pod.spec.nodeName === undefined)
    .map(({ metadata }) => ({ resource: "pods", namespace: metadata.namespace ?? "", name: metadata.name }));
}

function reconcile(world: World, key: ObjectKey): undefined {
  const pod = get(world.store, "pods", key);
  if (pod === undefined || pod.spec.nodeName !== undefined) return;
  if (pod.metadata.deletionTimestamp !== undefined || (pod.spec.schedulingGates ?? []).length > 0) return;
  const nodes = list(world.store, "nodes");
  const placed = list(world.store, "pods").filter((one) => one.spec.nodeName !== undefined && !hasEnded(one));
  const claim = missingClaim(world, pod);
  const faults = nodes.map((node) => faultOf(pod, node, placed));
  const free = nodes.filter((_, index) => faults[index] === undefined);
  const chosen = claim === undefined ? leastUsed(free, placed) : undefined;
  if (chosen === undefined) refuse(world, pod, nodes.length, claim ?? countFaults(faults));
  else bind(world, pod, chosen);
}

function missingClaim(world: World, pod: Pod): string | undefined {
  const namespace = pod.metadata.namespace ?? "";
  for (const volume of pod.spec.volumes ?? []) {
    const name = volume.persistentVolumeClaim?.claimName;
    if (name === undefined) continue;
    const claim = get(world.store, "persistentvolumeclaims", { namespace, name });
    if (claim === undefined) return `persistentvolumeclaim "${name}" not found`;
    if (claim.status?.phase !== "Bound") return "pod has unbound immediate PersistentVolumeClaims";
  }
  return undefined;
}

const unhelpful = "Preemption is not helpful for scheduling";

function faultOf(pod: Pod, node: Node, placed: readonly Pod[]): string | undefined {
  if (node.spec.unschedulable === true) return "node(s) were unschedulable";
  const taint = untolerated(pod, node);
  if (taint !== undefined) return taint;
  if (!hasLabels(pod.spec.nodeSelector, node.metadata.labels) || !hasAffinity(pod, node)) {
    return "node(s) didn't match Pod's node affinity/selector";
  }
  const there = placed.filter((one) => one.spec.nodeName === node.metadata.name);
  for (const resource of ["cpu", "memory"]) {
    const room = quantity(node.status?.allocatable?.[resource] ?? "1000000");
    const used = there.reduce((sum, one) => sum + requested(one, resource), 0);
    const asked = requested(pod, resource);
    if (asked > 0 && used + asked > room) return `Insufficient ${resource}`;
  }
  const most = Number(node.status?.allocatable?.["pods"] ?? 110);
  return there.length >= most ? "Too many pods" : undefined;
}

function untolerated(pod: Pod, node: Node): string | undefined {
  for (const taint of node.spec.taints ?? []) {
    if (taint.effect === "PreferNoSchedule") continue;
    const tolerated = (pod.spec.tolerations ?? []).some(
      (one) =>
        (one.key === undefined || one.key === "" ? one.operator === "Exists" : one.key === taint.key) &&
        (one.operator === "Exists" || (one.value ?? "") === (taint.value ?? "")) &&
        (one.effect === undefined || one.effect === "" || one.effect === taint.effect),
    );
    if (!tolerated) return `node(s) had untolerated taint(s)`;
  }
  return undefined;
}

function hasAffinity(pod: Pod, node: Node): boolean {
  const terms =
    pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (terms === undefined) return true;
  return terms.some((term) =>
    (term.matchExpressions ?? []).every((one) => fits(one, node.metadata.labels?.[one.key])),
  );
}

export function requested(pod: Pod, resource: string): number {
  return pod.spec.containers.reduce(
    (sum, one) =>
      sum + quantity(one.resources?.requests?.[resource] ?? one.resources?.limits?.[resource] ?? "0"),
    0,
  );
}

/** Spreads: the node with the fewest pods, by name among equals. */
function leastUsed(nodes: readonly Node[], placed: readonly Pod[]): Node | undefined {
  const count = (node: Node) => placed.filter((one) => one.spec.nodeName === node.metadata.name).length;
  return [...nodes].sort((one, other) => count(one) - count(other))[0];
}

function countFaults(faults: readonly (string | undefined)[]): string {
  const counts = new Map<string, number>();
  for (const fault of faults) {
    if (fault !== undefined) counts.set(fault, (counts.get(fault) ?? 0) + 1);
  }
  const all = faults.length;
  const texts = [...counts].map(([fault, count]) => `${count} ${fault}`).sort();
  const room = [...counts].filter(([fault]) => fault.startsWith("Insufficient") || fault === "Too many pods");
  const noVictims = room.reduce((sum, [, count]) => sum + count, 0);
  const preempting = [
    ...(noVictims > 0 ? [`${noVictims} No preemption victims found for incoming pod`] : []),
    ...(all - noVictims > 0 ? [`${all - noVictims} ${unhelpful}`] : []),
  ];
  const reasons = `${texts.join(", ")}. no new claims to deallocate`;
  return `${reasons}, preemption: 0/${all} nodes are available: ${preempting.join(", ")}.`;
}

function refuse(world: World, pod: Pod, nodes: number, fault: string): void {
  const message =
    nodes === 0 ? "no nodes available to schedule pods" : `0/${nodes} nodes are available: ${fault}`;
  const condition = {
    type: "PodScheduled",
    observedGeneration: pod.metadata.generation,
    status: "False",
    lastProbeTime: null,
    reason: "Unschedulable",
    message,
  };
  const { name, namespace = "" } = pod.metadata;
  change(world.store, { resource: "pods", namespace, name }, (draft) => {
    draft.status ??= { phase: "Pending" };
    draft.status.conditions = withCondition(draft.status.conditions, condition, world.time.stamp());
  });
  say(world, pod, { type: "Warning", reason: "FailedScheduling", message, action: "Scheduling" });
}

function bind(world: World, pod: Pod, node: Node): void {
  const { name, namespace = "" } = pod.metadata;
  const condition = {
    type: "PodScheduled",
    observedGeneration: pod.metadata.generation,
    status: "True",
    lastProbeTime: null,
  };
  const at = { resource: "pods", namespace, name };
  const kept = world.store.get(at);
  if (kept === undefined) return;
  // Not by `change`: a binding is no new generation.
  const draft = parseCopy(parseKind("pods", kept));
  draft.spec.nodeName = node.metadata.name;
  draft.status ??= { phase: "Pending" };
  draft.status.conditions = withCondition(draft.status.conditions, condition, world.time.stamp());
  world.store.put(at, parseObject(draft));
  const message = `Successfully assigned ${namespace}/${name} to ${node.metadata.name}`;
  say(world, pod, { type: "Normal", reason: "Scheduled", message, action: "Binding" });
}

interface Said {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  readonly action: string;
}

function say(world: World, pod: Pod, said: Said): void {
  world.events.record({ about: pod, component: "default-scheduler", ...said });
}
