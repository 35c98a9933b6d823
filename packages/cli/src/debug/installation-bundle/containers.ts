/** Containers of an installation and what they printed last, from the engine that its context names. */
import type { ClusterPlace } from "@agentflow/cluster/inside-cluster";
import type { Context } from "../../config/contexts.ts";

export interface SeenContainer {
  readonly name: string;
  readonly part: string;
  readonly lines: readonly string[];
}

/** None where the context names neither an engine nor a cluster. */
export async function containersOf(context: Context | undefined): Promise<readonly SeenContainer[]> {
  if (context?.cluster !== undefined) return podsOf(context.cluster);
  if (context?.kind !== "docker") return [];
  const { engine: address, project, target } = context;
  if (address === undefined || project === undefined || target === undefined) return [];
  const [{ openEngine }, { lastLines, observe }] = await Promise.all([
    import("@agentflow/cluster/engine"),
    import("@agentflow/cluster/docker"),
  ]);
  const engine = await openEngine(address);
  try {
    const { containers } = await observe(engine, { project, target });
    return await Promise.all(
      containers.map(async ({ mounts: _, ...container }) => ({
        ...container,
        lines: await lastLines(engine, container.id),
      })),
    );
  } finally {
    engine.close();
  }
}

const linesMax = 20;
const lineMax = 2_000;

async function podsOf(at: ClusterPlace): Promise<readonly SeenContainer[]> {
  const { openPlace, readPodLines, seePods } = await import("@agentflow/cluster/inside-cluster");
  const place = await openPlace(at, process.env);
  try {
    const [{ pods }, lines] = await Promise.all([
      seePods(place.cluster, place),
      readPodLines(place.cluster, place, { tail: linesMax }),
    ]);
    return pods.map((pod) => {
      const own = lines.filter(({ container }) => container === pod.name);
      return { ...pod, lines: own.map(({ text }) => text.slice(0, lineMax)) };
    });
  } finally {
    place.cluster.close();
  }
}
