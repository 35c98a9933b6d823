/** What the containers of an installation use of their machine. */
import type Docker from "dockerode";
import type { Engine } from "./engine/open.ts";
import { type Installed, observe, type ObservedContainer } from "./observe.ts";

export interface ContainerUse {
  /** Processor time since it began; absent while it does not run. */
  readonly cpuMs?: number;
  /** Without what the system could take back at once. */
  readonly memoryBytes?: number;
  readonly memoryLimitBytes?: number;
}

export type ContainerUsage = ContainerUse &
  Pick<ObservedContainer, "id" | "name" | "part" | "state" | "health" | "restarts">;

/** One answer of the engine for each, not the stream of them: what it costs is said once. */
export async function containerUsage(engine: Engine, of: Installed): Promise<readonly ContainerUsage[]> {
  const { containers } = await observe(engine, of);
  return Promise.all(
    containers.map(async ({ id, name, part, state, health, restarts }) => {
      const isRunning = state === "running" || state === "paused";
      return { id, name, part, state, health, restarts, ...(isRunning ? await useOf(engine, id) : {}) };
    }),
  );
}

/** One look, without waiting for a second sample. Nothing when it does not run or the engine cannot say. */
export async function useOf(engine: Engine, id: string): Promise<ContainerUse> {
  return engine
    .ask("asking what a container uses", async (docker) => usedOf(await docker.getContainer(id).stats(once)))
    .catch(() => ({}));
}

const once = { stream: false, "one-shot": true } as const;

function usedOf({ cpu_stats: cpu, memory_stats: memory }: Docker.ContainerStats): ContainerUse {
  // As `docker stats` counts: pages of files that can be dropped are no use.
  const cache = memory.stats?.total_inactive_file ?? memory.stats?.inactive_file ?? 0;
  return {
    cpuMs: Math.round(cpu.cpu_usage.total_usage / 1e6),
    ...(memory.usage === undefined ? {} : { memoryBytes: Math.max(0, memory.usage - cache) }),
    ...(memory.limit === undefined ? {} : { memoryLimitBytes: memory.limit }),
  };
}
