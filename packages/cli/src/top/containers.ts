/** What the containers of an installation use, where its context knows the engine that runs them. */
import type { ContainerUsage } from "@agentflow/cluster/docker";
import type { ClusterPlace, SeenPod } from "@agentflow/cluster/inside-cluster";
import type { Context } from "../config/contexts.ts";

export interface ContainerRow extends Omit<ContainerUsage, "state" | "cpuMs"> {
  /** Of a container as its engine says it, of a pod as its cluster does. */
  readonly state: string;
  readonly cpuMs?: number;
  /** Of one processor, between two looks. */
  readonly cpuPercent?: number;
}

export interface SeenContainers {
  readonly rows: readonly ContainerRow[];
  /** Why nothing is known of what they use. */
  readonly unmeasured?: string;
}

export interface ContainerWatch {
  /** What they use now. */
  look(): Promise<SeenContainers>;
  close(): void;
}

/** Undefined where no engine or cluster is known: of `af dev`, and of addresses that were added by hand. */
export async function watchContainers(context: Context | undefined): Promise<ContainerWatch | undefined> {
  if (context?.kind === "kubernetes" && context.cluster !== undefined) return watchPods(context.cluster);
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
      const rows = found.map((usage) => {
        const known = before.get(usage.id);
        const { cpuMs } = usage;
        if (cpuMs === undefined) before.delete(usage.id);
        else before.set(usage.id, { cpuMs, atMs });
        if (cpuMs === undefined || known === undefined || atMs <= known.atMs) return usage;
        return { ...usage, cpuPercent: (Math.max(0, cpuMs - known.cpuMs) * 100) / (atMs - known.atMs) };
      });
      return { rows };
    },
    close: () => engine.close(),
  };
}

/** Pods are seldom measured: every 15 s or so, by the cluster itself. */
async function watchPods(at: ClusterPlace): Promise<ContainerWatch> {
  const { openPlace, seePods } = await import("@agentflow/cluster/inside-cluster");
  const place = await openPlace(at, process.env);
  return {
    async look() {
      const { pods, unmeasured } = await seePods(place.cluster, place);
      return { rows: pods.map(rowOf), ...(unmeasured === undefined ? {} : { unmeasured }) };
    },
    close: () => place.cluster.close(),
  };
}

function rowOf({ state, ready, short, id, part, restarts, ...used }: SeenPod): ContainerRow {
  const health = state !== "Running" ? "none" : ready ? "healthy" : "starting";
  const { cpuPercent, memoryBytes, memoryLimitBytes } = used;
  return {
    id,
    name: short,
    part,
    restarts,
    health,
    state: state === "Running" ? "running" : state,
    ...(cpuPercent === undefined ? {} : { cpuPercent }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
  };
}
