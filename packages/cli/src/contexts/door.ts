/** A way to an installation whose API cannot be reached from here: through what carries it. */
import type { Door } from "@agentflow/cluster";
import { AgentFlowError } from "@agentflow/protocol";
import type { Context } from "../config/contexts.ts";

export interface ContextDoor extends Door {
  /** Read in the cluster, where nothing here knows it. */
  readonly token?: string;
}

/** On another machine the address is that machine's own; without one only engine or cluster know the way. */
export function needsDoor({ kind, url, engine, cluster }: Context): boolean {
  if (kind === "kubernetes") return cluster !== undefined;
  if (kind !== "docker" || engine === undefined) return false;
  return url === undefined || isElsewhere(engine.host);
}

export async function openContextDoor(context: Context): Promise<ContextDoor> {
  const { engine, project, target, name } = context;
  if (context.cluster !== undefined) return openClusterWay(context);
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

/** By its ingress where that answers, else by a forward; the token is read in the cluster if need be. */
async function openClusterWay({ cluster = {}, url, token }: Context): Promise<ContextDoor> {
  const isOpen = url !== undefined && (await isApi(url));
  const close = async (): Promise<void> => undefined;
  if (isOpen && token !== "secret") return { url, close };
  const { clusterToken, openClusterDoor, openPlace } = await import("@agentflow/cluster/inside-cluster");
  const place = await openPlace(cluster, process.env);
  const asked = token === "secret" ? clusterToken(place) : Promise.resolve(undefined);
  if (isOpen) {
    try {
      const read = await asked;
      return { url, close, ...(read === undefined ? {} : { token: read }) };
    } finally {
      place.cluster.close();
    }
  }
  const [read, door] = await Promise.allSettled([asked, openClusterDoor(place)]);
  if (door.status === "rejected") throw door.reason;
  if (read.status === "rejected") {
    await door.value.close();
    throw read.reason;
  }
  return { ...door.value, ...(read.value === undefined ? {} : { token: read.value }) };
}

const answerMs = 2_500;

/** Not merely a controller that knows of no such host. */
async function isApi(url: string): Promise<boolean> {
  try {
    const answer = await fetch(new URL("/livez", url), {
      signal: AbortSignal.timeout(answerMs),
      redirect: "manual",
    });
    await answer.body?.cancel();
    return answer.status === 200;
  } catch {
    return false;
  }
}

/** As the engine's own client sees it, without loading that. */
function isElsewhere(host: string): boolean {
  if (/^(unix|npipe):/.test(host)) return false;
  if (host.startsWith("ssh:")) return true;
  return !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(URL.parse(host)?.hostname ?? "");
}
