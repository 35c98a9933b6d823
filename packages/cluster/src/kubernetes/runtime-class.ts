/** What a cluster has of a RuntimeClass: its handler, and the nodes that take pods of it. */
import type { JsonObject } from "@agentflow/protocol";
import { podClassSetting } from "../model/parts/sandbox.ts";
import type { Cluster } from "./cluster.ts";
import { at, nameOf, objectsAt, textAt, textsAt } from "./deploy/reading.ts";
import { ask } from "./doctor/ask.ts";

export type RuntimeClass =
  | { readonly state: "forbidden" }
  | { readonly state: "absent"; readonly known: readonly string[] }
  | {
      readonly state: "there";
      readonly handler: string;
      /** Labels that its nodes have, with those that the target wants. */
      readonly wants: Readonly<Record<string, string>>;
      readonly nodes: readonly LabelledNode[] | "forbidden";
    };

/** A node with the labels that the class and its pods want. */
export interface LabelledNode {
  readonly name: string;
  /** The class tolerates its taints. */
  readonly isOpen: boolean;
  /** It is up, and nobody is emptying it. */
  readonly isReady: boolean;
}

const path = "/apis/node.k8s.io/v1/runtimeclasses";

/** `selector`: labels that the pods want besides. */
export async function seeRuntimeClass(
  cluster: Cluster,
  { name, selector = {} }: { readonly name: string; readonly selector?: Readonly<Record<string, string>> },
): Promise<RuntimeClass> {
  const found = await ask(cluster, `${path}/${encodeURIComponent(name)}`);
  if (found === "forbidden") return { state: "forbidden" };
  if (found === "absent") {
    const all = await ask(cluster, path);
    return { state: "absent", known: typeof all === "string" ? [] : objectsAt(all, "items").map(nameOf) };
  }
  const wants = textsAt(found, "scheduling", "nodeSelector");
  const tolerations = objectsAt(found, "scheduling", "tolerations");
  const nodes = await ask(cluster, "/api/v1/nodes");
  return {
    state: "there",
    handler: textAt(found, "handler"),
    wants: { ...selector, ...wants },
    nodes:
      typeof nodes === "string"
        ? "forbidden"
        : objectsAt(nodes, "items")
            .filter((node) => hasLabels(node, { ...selector, ...wants }))
            .map((node) => ({
              name: nameOf(node),
              isOpen: isTolerated(node, tolerations),
              isReady: isReady(node),
            })),
  };
}

/** What to do where no node takes its pods. */
export function nodeAdvice(of: RuntimeClass & { readonly state: "there" }): string {
  const nodes = of.nodes === "forbidden" ? [] : of.nodes;
  const open = nodes.filter(({ isOpen }) => isOpen);
  const names = (some: readonly LabelledNode[]): string => some.map(({ name }) => name).join(" ");
  if (open.length > 0) return `none of them is ready: kubectl get nodes ${names(open)}`;
  if (nodes.length > 0)
    return `tolerate the taints of ${names(nodes)}: scheduling.tolerations of the RuntimeClass`;
  return `label those that have it: kubectl label node NODE ${labelsText(of.wants).replaceAll(",", " ")}`;
}

/** The classes that a pod is of, or that its broker makes pods of. */
export function runtimeClassesOf(podSpec: JsonObject): readonly string[] {
  const containers = [...objectsAt(podSpec, "initContainers"), ...objectsAt(podSpec, "containers")];
  const told = containers
    .flatMap((one) => objectsAt(one, "env"))
    .filter((one) => textAt(one, "name") === podClassSetting)
    .map((one) => textAt(one, "value"));
  return [textAt(podSpec, "runtimeClassName"), ...told].filter((one) => one !== "");
}

export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

export function hasLabels(node: JsonObject, selector: Readonly<Record<string, string>>): boolean {
  const labels = textsAt(node, "metadata", "labels");
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

export function isReady(node: JsonObject): boolean {
  const isUp = objectsAt(node, "status", "conditions").some(
    (one) => textAt(one, "type") === "Ready" && textAt(one, "status") === "True",
  );
  return isUp && at(node, "spec", "unschedulable") !== true;
}

/** Cordoning is a taint too, and passes: it is told by whether the node is ready. */
function isTolerated(node: JsonObject, tolerations: readonly JsonObject[]): boolean {
  return objectsAt(node, "spec", "taints")
    .filter((taint) => textAt(taint, "effect") !== "PreferNoSchedule")
    .filter((taint) => !textAt(taint, "key").startsWith("node.kubernetes.io/"))
    .every((taint) => tolerations.some((one) => tolerates(one, taint)));
}

function tolerates(toleration: JsonObject, taint: JsonObject): boolean {
  const [key, effect] = [textAt(toleration, "key"), textAt(toleration, "effect")];
  if (effect !== "" && effect !== textAt(taint, "effect")) return false;
  if (textAt(toleration, "operator") === "Exists") return key === "" || key === textAt(taint, "key");
  return key === textAt(taint, "key") && textAt(toleration, "value") === textAt(taint, "value");
}
