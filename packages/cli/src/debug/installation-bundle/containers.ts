/** Containers of an installation and what they printed last, from the engine that its context names. */
import type { Context } from "../../config/contexts.ts";

export interface SeenContainer {
  readonly name: string;
  readonly part: string;
  readonly lines: readonly string[];
}

/** None where the context names no engine. */
export async function containersOf(context: Context | undefined): Promise<readonly SeenContainer[]> {
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
