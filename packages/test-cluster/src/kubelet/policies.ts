/** Of NetworkPolicies the one thing that a runtime of ours can enforce: that a pod has no network at all. */
import { type Pod, type PolicyRules } from "../world/parse-kinds.ts";
import { matches } from "../world/selectors.ts";
import { list, type World } from "../world/world.ts";

/** Whether policies select the pod, in both directions, and none of them allows anything. */
export function isClosed(world: World, pod: Pod): boolean {
  const { namespace, labels } = pod.metadata;
  const rules = list(world.store, "networkpolicies.networking.k8s.io", namespace)
    .map(({ spec }) => spec)
    .filter(({ podSelector }) => matches(podSelector, labels));
  return closes(rules, "Ingress") && closes(rules, "Egress");
}

function closes(all: readonly PolicyRules[], direction: "Ingress" | "Egress"): boolean {
  const own = all.filter((rules) => typesOf(rules).includes(direction));
  const allowed = own.flatMap(({ ingress = [], egress = [] }) =>
    direction === "Ingress" ? ingress : egress,
  );
  return own.length > 0 && allowed.length === 0;
}

function typesOf({ policyTypes, egress = [] }: PolicyRules): readonly string[] {
  return policyTypes ?? (egress.length > 0 ? ["Ingress", "Egress"] : ["Ingress"]);
}
