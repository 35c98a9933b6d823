/** How many pods of a part may be taken away at a time when a node is emptied. */
import type { Part } from "../../model/installation.ts";
import { kubernetesLabels } from "../labels.ts";
import type { KubernetesObject } from "../object.ts";
import { made, type Making } from "./making.ts";

export interface Budget {
  readonly part: Part;
  readonly name: string;
  /** At least so many there are. */
  readonly copies: number;
}

/** None for a single copy: it would only keep a node from being emptied. */
export function budgetOf(making: Making, { part, name, copies }: Budget): KubernetesObject[] {
  if (copies < 2) return [];
  const selector = { [kubernetesLabels.instance]: making.release, [kubernetesLabels.part]: part.name };
  const most = part.role === "nats" ? { maxUnavailable: 1 } : { minAvailable: 1 };
  return [
    made(
      making,
      { apiVersion: "policy/v1", kind: "PodDisruptionBudget", name, part },
      {
        spec: { ...most, selector: { matchLabels: selector } },
      },
    ),
  ];
}
