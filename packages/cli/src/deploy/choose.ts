/** Which target in a cluster a command means. */
import { AgentFlowError } from "@agentflow/protocol";
import { chooseContext } from "../config/choose-context.ts";
import { contextPlaces } from "../config/context-places.ts";
import { targetsOf } from "../config/project-contexts.ts";
import type { Choosing } from "../targets/choose.ts";

/** The named one; else the context in use when it is a target in a cluster; else the only such target. */
export function chooseClusterTarget({ dir, environment, target, context }: Choosing): string {
  const named = target ?? context;
  if (named !== undefined) return named;
  const known = targetsOf(dir).flatMap(({ name, kind }) => (kind === "kubernetes" ? [name] : []));
  const choice = chooseContext(contextPlaces({ folder: dir, environment }), { environment });
  if (choice.kind === "context" && known.includes(choice.name)) return choice.name;
  const [only] = known;
  if (only !== undefined && known.length === 1) return only;
  if (known.length === 0) {
    throw new AgentFlowError("invalid_input", "agentflow.yaml names no target in a cluster", {
      reason: "no_target",
      suggestions: ["write one in agentflow.yaml: targets: {prod: {kind: kubernetes, context: NAME}}"],
    });
  }
  throw new AgentFlowError("invalid_input", `which target: ${known.join(", ")}?`, {
    reason: "target_needed",
    details: { targets: known },
    suggestions: [`name it: af deploy ${known[0]}`, `or once for all: af context use ${known[0]}`],
  });
}
