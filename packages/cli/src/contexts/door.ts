/** A way to an installation whose API cannot be reached from here: through the engine that carries it. */
import type { Door } from "@agentflow/cluster";
import { AgentFlowError } from "@agentflow/protocol";
import type { Context } from "../config/contexts.ts";

/** On another machine the address is that machine's own; without one only the engine knows the way. */
export function needsDoor({ kind, url, engine }: Context): boolean {
  if (kind !== "docker" || engine === undefined) return false;
  return url === undefined || isElsewhere(engine.host);
}

export async function openContextDoor(context: Context): Promise<Door> {
  const { engine, project, target, name } = context;
  if (engine === undefined || project === undefined || target === undefined) {
    throw new AgentFlowError("unavailable", `${name} has neither an address nor an engine`, {
      reason: "not_up",
      details: { where: context.file },
      suggestions: [`af up ${target ?? name}`],
    });
  }
  const { openDoor } = await import("@agentflow/cluster");
  return openDoor({ engine, project, target });
}

/** As the engine's own client sees it, without loading that. */
function isElsewhere(host: string): boolean {
  if (/^(unix|npipe):/.test(host)) return false;
  if (host.startsWith("ssh:")) return true;
  return !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(URL.parse(host)?.hostname ?? "");
}
