/** Targets of agentflow.yaml, as far as they have the form of some; `af validate` says what is wrong. */
import { isId, type TargetDefinition } from "@agentflow/protocol";

export function parseTargets(value: unknown): {
  readonly project: string;
  readonly targets: { readonly [name: string]: TargetDefinition };
} {
  const { name, targets } = (value ?? {}) as { readonly name?: unknown; readonly targets?: unknown };
  const found = typeof targets === "object" && targets !== null ? targets : {};
  return {
    project: isId("project", name) ? name : "project",
    targets: found as { readonly [name: string]: TargetDefinition },
  };
}
