/** What the containers of an installation use, where its context knows the engine that runs them. */
import type { ContainerUsage } from "@agentflow/cluster/docker";
import type { Context } from "../config/contexts.ts";

export interface ContainerRow extends ContainerUsage {
  /** Of one processor, between two looks. */
  readonly cpuPercent?: number;
}

export interface ContainerWatch {
  /** What they use now. */
  look(): Promise<readonly ContainerRow[]>;
  close(): void;
}

/** Undefined where no engine is known: of `af dev`, and of addresses that were added by hand. */
export async function watchContainers(context: Context | undefined): Promise<ContainerWatch | undefined> {
  if (context?.kind !== "docker") return undefined;
  const { engine: address, project, target } = context;
  if (address === undefined || project === undefined || target === undefined) return undefined;
  const [{ openEngine }, { containerUsage }] = await Promise.all([
    import("@agentflow/cluster/engine"),
    import("@agentflow/cluster/docker"),
  ]);
  const engine = await openEngine(address);
  const before = new Map<string, { readonly cpuMs: number; readonly atMs: number }>();
  return {
    async look() {
      const found = await containerUsage(engine, { project, target });
      const atMs = performance.now();
      return found.map((usage) => {
        const known = before.get(usage.id);
        const { cpuMs } = usage;
        if (cpuMs === undefined) before.delete(usage.id);
        else before.set(usage.id, { cpuMs, atMs });
        if (cpuMs === undefined || known === undefined || atMs <= known.atMs) return usage;
        return { ...usage, cpuPercent: (Math.max(0, cpuMs - known.cpuMs) * 100) / (atMs - known.atMs) };
      });
    },
    close: () => engine.close(),
  };
}
