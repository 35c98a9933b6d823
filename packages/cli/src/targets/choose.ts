/** Which target of the project a command means. */
import { AgentFlowError } from "@agentflow/protocol";
import { chooseContext } from "../config/choose-context.ts";
import { contextPlaces, type Environment } from "../config/context-places.ts";
import { targetsOf } from "../config/project-contexts.ts";

export interface Choosing {
  /** Of the project. */
  readonly dir: string;
  readonly environment: Environment;
  /** As it was typed; `--context` means the target of that name. */
  readonly target: string | undefined;
  readonly context?: string | undefined;
}

/**
 * The named one; else the context in use when it is a target on Docker; else the only such target. Whether a
 * named one exists is for who opens it to say.
 */
export function chooseTarget(choosing: Choosing): string {
  const { dir, environment, target, context } = choosing;
  const named = target ?? context;
  if (named !== undefined) return named;
  const known = targetsOf(dir).flatMap(({ name, kind }) => (kind === "docker" ? [name] : []));
  const choice = chooseContext(contextPlaces({ folder: dir, environment }), { environment });
  if (choice.kind === "context" && known.includes(choice.name)) return choice.name;
  const [only] = known;
  if (only !== undefined && known.length === 1) return only;
  if (known.length === 0) {
    throw new AgentFlowError("invalid_input", "agentflow.yaml names no target on Docker", {
      reason: "no_target",
      suggestions: ["write one in agentflow.yaml: targets: {docker: {kind: docker}}"],
    });
  }
  throw new AgentFlowError("invalid_input", `which target: ${known.join(", ")}?`, {
    reason: "target_needed",
    details: { targets: known },
    suggestions: [`name it: af up ${known[0]}`, `or once for all: af context use ${known[0]}`],
  });
}

/** As `chooseTarget`; one in a cluster only where somebody named it: never because it is the only one up. */
export function chooseDown(choosing: Choosing): string {
  const { dir, environment, target, context } = choosing;
  if (target !== undefined || context !== undefined) return chooseTarget(choosing);
  const targets = targetsOf(dir, { implied: false });
  const choice = chooseContext(contextPlaces({ folder: dir, environment }), { environment });
  const inCluster = targets.filter(({ kind }) => kind === "kubernetes").map(({ name }) => name);
  if (choice.kind === "context" && inCluster.includes(choice.name)) {
    if (choice.by !== "default") return choice.name;
    throw new AgentFlowError("invalid_input", `${choice.name} is in a cluster: say so to take it down`, {
      reason: "target_needed",
      details: { targets: inCluster },
      suggestions: [`name it: af down ${choice.name}`],
    });
  }
  return chooseTarget(choosing);
}
