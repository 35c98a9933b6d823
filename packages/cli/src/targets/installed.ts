/** What of a target is on its engine, for commands that need no more than that. */
import type { Engine } from "@agentflow/cluster/engine";
import type { Installed, Observed, ObservedContainer } from "@agentflow/cluster/docker";
import { AgentFlowError } from "@agentflow/protocol";
import type { Environment } from "../config/context-places.ts";
import { openProjectTarget, openTargetEngine, type ProjectTarget } from "./open.ts";

export interface OnEngine extends AsyncDisposable {
  readonly project: ProjectTarget;
  readonly engine: Engine;
  readonly of: Installed;
  readonly observed: Observed;
}

export interface Opening {
  readonly folder: string;
  readonly environment: Environment;
  readonly target: string | undefined;
  readonly context: string | undefined;
  readonly scale?: readonly string[];
  /** What is done instead for a target in a cluster. */
  readonly inCluster?: (of: { readonly target: string; readonly namespace: string }) => string;
}

/** Whoever opens it disposes of it. */
export async function openInstalled(opening: Opening): Promise<OnEngine> {
  const project = await openProjectTarget({ ...opening, scale: opening.scale ?? [] });
  const { settings, name } = project.target;
  if (settings.kind === "kubernetes" && opening.inCluster !== undefined)
    throw new AgentFlowError("invalid_input", `the target ${name} is kubernetes, not docker`, {
      reason: "target_kind",
      suggestions: [opening.inCluster({ target: name, namespace: settings.namespace })],
    });
  const { engine } = await openTargetEngine(project.target, opening.environment);
  const of = { project: project.target.project.name, target: project.target.name };
  try {
    const { observe } = await import("@agentflow/cluster/docker");
    const observed = await observe(engine, of);
    return { project, engine, of, observed, [Symbol.asyncDispose]: async () => engine.close() };
  } catch (error) {
    engine.close();
    throw error;
  }
}

/** Those of parts, in the order in which they start; what only carried files is left out. */
export function partContainers({ containers }: Observed): readonly ObservedContainer[] {
  const order = ["keys", "nats", "control-plane", "", "register"];
  const rank = (part: string): number => (order.includes(part) ? order.indexOf(part) : 3);
  const own = containers.filter(({ part }) => part !== "" && part !== "carrier");
  return own.toSorted((a, b) => rank(a.part) - rank(b.part));
}
