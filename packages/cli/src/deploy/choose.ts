/** Which target in a cluster a command means. */
import { AgentFlowError } from "@agentflow/protocol";
import { chooseContext } from "../config/choose-context.ts";
import { contextPlaces } from "../config/context-places.ts";
import { targetsOf } from "../config/project-contexts.ts";
import type { Choosing } from "../targets/choose.ts";

/**
 * The named one; else the context that somebody took into use when it is a target in a cluster; else the only
 * such target. Of several never the one that happens to be up: a deploy must not go to another by surprise.
 */
export function chooseClusterTarget({ dir, environment, target, context }: Choosing): string {
  const named = target ?? context;
  const targets = targetsOf(dir);
  const known = targets.flatMap(({ name, kind }) => (kind === "kubernetes" ? [name] : []));
  // Whether a named one exists is for who opens it to say; unless there is none that it could be.
  if (named !== undefined && known.length === 0 && !targets.some(({ name }) => name === named))
    throw noneInCluster("not_found");
  if (named !== undefined) return named;
  const choice = chooseContext(contextPlaces({ folder: dir, environment }), { environment });
  if (choice.kind === "context" && choice.by !== "default" && known.includes(choice.name)) return choice.name;
  const [only] = known;
  if (only !== undefined && known.length === 1) return only;
  if (known.length === 0) throw noneInCluster("invalid_input");
  throw new AgentFlowError("invalid_input", `which target: ${known.join(", ")}?`, {
    reason: "target_needed",
    details: { targets: known },
    suggestions: [`name it: af deploy ${known[0]}`, `or once for all: af context use ${known[0]}`],
  });
}

function noneInCluster(code: "invalid_input" | "not_found"): AgentFlowError {
  return new AgentFlowError(code, "agentflow.yaml names no target in a cluster", {
    reason: "no_target",
    suggestions: ["write one in agentflow.yaml: targets: {prod: {kind: kubernetes, context: NAME}}"],
  });
}
