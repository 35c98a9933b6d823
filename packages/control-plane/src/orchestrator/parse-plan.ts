import { AgentFlowError, type Plan } from "@agentflow/protocol";

/** A stored plan: written by a registry, found under the hash of its text. A newer form is refused. */
export function parsePlan(text: string): Plan {
  const plan: unknown = JSON.parse(text);
  const known = typeof plan === "object" && plan !== null && "v" in plan && "kind" in plan;
  if (known && plan.v === 1 && plan.kind === "plan") return plan as Plan;
  throw new AgentFlowError("internal", "the stored plan is of another version", {
    reason: "plan_incompatible",
  });
}
