/** Whether the engine's machine has what a target wants, asked before anything is built. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Limits } from "../model/installation.ts";
import { defaultLimits, type TargetSettings } from "../model/target.ts";
import { parseInfo } from "./doctor/parse-info.ts";
import type { Engine } from "./engine/open.ts";

export interface Copies {
  readonly part: string;
  readonly count: number;
  readonly limits: Limits;
}

type Sized = Pick<TargetSettings, "controlPlanes" | "workers" | "nats" | "limits">;

/** Parts that have limits, with how many copies of each there are to be. */
export function copiesOf({ nats, controlPlanes, workers, limits }: Sized): Copies[] {
  const of = (part: string, count: number): Copies => ({
    part,
    count,
    limits: limits[part] ?? defaultLimits(part),
  });
  return [
    of("nats", nats.url === undefined ? nats.replicas : 0),
    of("control-plane", controlPlanes),
    ...Object.entries(workers).map(([pool, count]) => of(`worker-${pool}`, count)),
  ];
}

/** The first that may use more processors than there are: the engine would refuse its container. */
export function overProcessors(settings: Sized, cpus: number): Copies | undefined {
  return copiesOf(settings).find(({ count, limits }) => count > 0 && limits.cpus > cpus);
}

/** Refuses with the part and the numbers. */
export async function checkMachine(
  engine: Engine,
  { name, settings }: { readonly name: string; readonly settings: Sized },
): Promise<void> {
  const { cpus } = await engine.ask("asking the engine what it has", async (docker) =>
    parseInfo(await docker.info()),
  );
  // An engine that does not say how many there are decides by itself.
  const over = cpus === 0 ? undefined : overProcessors(settings, cpus);
  if (over === undefined) return;
  const { part, limits } = over;
  throw new AgentFlowError(
    "refused",
    `${part} may use ${limits.cpus} processors, the engine's machine has ${cpus}`,
    {
      reason: "too_many_cpus",
      details: { part, wanted: limits.cpus, cpus },
      suggestions: [`limits: {${part}: {cpus: ${cpus}}} of target ${name} in agentflow.yaml`, "af doctor"],
    },
  );
}
