/** Starts containers of an installation anew, as they are: nothing is read but what the engine has. */
import { AgentFlowError, nearest } from "@agentflow/protocol";
import { carrierPart } from "./carrier.ts";
import type { Engine } from "./engine/open.ts";
import { type Installed, type ObservedContainer, observe } from "./observe.ts";
import type { Pace } from "./pace.ts";
import { waitReady } from "./wait.ts";

export interface Restarting {
  readonly engine: Engine;
  readonly of: Installed;
  /** Names of parts or of single copies (`worker-default-2`); none: all that run for long. */
  readonly names: readonly string[];
  readonly progress: { container(name: string, state: "stopping" | "starting" | "ready" | "failed"): void };
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly wait: boolean;
  readonly pace: Pace;
}

/** One container after the other, each ready before the next one ends. Answers their names. */
export async function restartParts(restarting: Restarting): Promise<readonly string[]> {
  const { engine, of, names, signal } = restarting;
  const { containers } = await observe(engine, of);
  const known = containers.filter(({ part }) => part !== carrierPart);
  const chosen = names.length === 0 ? known.filter((one) => one.restarting) : named(known, names, of);
  if (chosen.length === 0) throw nothingRuns(of);
  const untilMs = restarting.pace.nowMs() + restarting.timeoutMs;
  for (const one of chosen.toSorted((a, b) => rank(a) - rank(b))) {
    signal.throwIfAborted();
    await restartOne(one, restarting, untilMs);
  }
  return chosen.map(({ name }) => name);
}

async function restartOne(one: ObservedContainer, restarting: Restarting, untilMs: number): Promise<void> {
  const { engine, progress, signal, pace, wait } = restarting;
  const { id, name, part, healthTest } = one;
  if (one.state === "running") progress.container(name, "stopping");
  try {
    await engine.ask(`restarting ${name}`, async (docker) => {
      const container = docker.getContainer(id);
      if (one.state === "paused") await container.unpause();
      // The engine stops it as it was made to be stopped, and starts it in the same breath.
      await container.restart();
    });
    progress.container(name, "starting");
    const runs = one.restarting ? "always" : "once";
    const awaited = {
      name,
      part,
      runs,
      ...(healthTest === undefined ? {} : { health: healthTest }),
    } as const;
    if (wait || runs === "once") await waitReady(awaited, id, { engine, pace, signal, untilMs });
    progress.container(name, "ready");
  } catch (error) {
    progress.container(name, "failed");
    throw error;
  }
}

/** What others stand on comes first. */
function rank({ part }: ObservedContainer): number {
  const order = ["keys", "nats", "control-plane"].indexOf(part);
  if (order !== -1) return order;
  return part === "register" ? 4 : 3;
}

function named(
  containers: readonly ObservedContainer[],
  names: readonly string[],
  of: Installed,
): ObservedContainer[] {
  const copyOf = ({ part, copy }: ObservedContainer): string => `${part}-${copy}`;
  const known = [...new Set(containers.flatMap((one) => [one.part, copyOf(one)]))];
  for (const name of names) {
    if (known.includes(name)) continue;
    if (containers.length === 0) throw nothingRuns(of);
    const near = nearest(name, known);
    throw new AgentFlowError("not_found", `${of.target} has no part ${JSON.stringify(name.slice(0, 80))}`, {
      reason: "no_part",
      suggestions: [
        ...(near === undefined ? [] : [`did you mean ${near}?`]),
        `it has: ${[...new Set(containers.map(({ part }) => part))].join(", ")}`,
      ],
    });
  }
  return containers.filter((one) => names.includes(one.part) || names.includes(copyOf(one)));
}

/** Nothing of this installation is on the engine. */
export function nothingRuns({ target }: Installed): AgentFlowError {
  return new AgentFlowError("unavailable", `${target} is not up`, {
    reason: "not_up",
    suggestions: [`af up ${target}`],
  });
}
