/** Takes an installation off an engine. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Progress } from "../image/images.ts";
import { stackName } from "../model/names.ts";
import { statusOf } from "./engine/errors.ts";
import type { Engine } from "./engine/open.ts";
import { type Installed, type Observed, type ObservedContainer, observe } from "./observe.ts";

export interface Removing {
  readonly engine: Engine;
  readonly of: Installed;
  /** Data, keys and secrets too. */
  readonly volumes: boolean;
  /** Longest time each container is given to end; absent: what it was made with. */
  readonly timeoutMs?: number;
  readonly progress: Progress & { container(name: string, state: "stopping" | "removed"): void };
  readonly signal: AbortSignal;
}

export interface Removed {
  readonly containers: number;
  readonly network: boolean;
  readonly volumes: readonly string[];
}

/** Workers end first, with what they have in flight, then what they need. */
export async function removeInstallation(removing: Removing): Promise<Removed> {
  const { engine, of, progress, signal, timeoutMs } = removing;
  const observed = await observe(engine, of);
  for (const group of inOrder(observed)) {
    signal.throwIfAborted();
    const ended = await Promise.allSettled(
      group.map(async (container) => {
        progress.container(container.name, "stopping");
        await removeContainer(engine, container, timeoutMs);
        progress.container(container.name, "removed");
      }),
    );
    const failed = ended.find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
  for (const id of observed.networks) {
    const name = stackName(of);
    progress.step(`removing network ${name}`);
    await removeNetwork(engine, { name, id }).catch((error: unknown) => {
      throw isInUse(error) ? usedMeanwhile(of) : error;
    });
  }
  const volumes = removing.volumes ? observed.volumes.map(({ name }) => name) : [];
  for (const name of volumes) {
    signal.throwIfAborted();
    progress.step(`removing volume ${name}`);
    await removeVolume(engine, name);
  }
  return { containers: observed.containers.length, network: observed.networks.length > 0, volumes };
}

/** All containers that were there are gone: those on it now came after. */
function isInUse(error: unknown): boolean {
  return statusOf(error) === 403 && /active endpoints/.test(String(error));
}

function usedMeanwhile({ target }: Installed): AgentFlowError {
  return new AgentFlowError("conflict", `something else starts containers of ${target} at the same time`, {
    reason: "changed_meanwhile",
    suggestions: [`wait until it is done, then: af down ${target}`],
  });
}

/** Stops it as it was made to be stopped (SIGTERM, its time), then takes it away. Gone already is fine. */
export async function removeContainer(
  engine: Engine,
  { id, name, state }: Pick<ObservedContainer, "id" | "name" | "state">,
  timeoutMs?: number,
): Promise<void> {
  await unlessMissing(
    engine.ask(`stopping ${name}`, async (docker) => {
      const container = docker.getContainer(id);
      if (state === "paused") await container.unpause();
      // Without a time the engine takes the container's own.
      await container.stop(timeoutMs === undefined ? {} : { t: Math.ceil(timeoutMs / 1_000) });
    }),
  );
  await unlessMissing(
    engine.ask(
      `removing ${name}`,
      async (docker) => void (await docker.getContainer(id).remove({ force: true, v: true })),
    ),
  );
}

/** Gone already is fine. */
export async function removeNetwork(
  engine: Engine,
  { name, id }: { readonly name: string; readonly id: string },
): Promise<void> {
  await unlessMissing(
    engine.ask(`removing network ${name}`, async (docker) => void (await docker.getNetwork(id).remove())),
  );
}

/** Gone already is fine. */
export async function removeVolume(engine: Engine, name: string): Promise<void> {
  await unlessMissing(
    engine.ask(`removing volume ${name}`, async (docker) => void (await docker.getVolume(name).remove())),
  );
}

function inOrder({ containers }: Observed): ObservedContainer[][] {
  const rank = ({ part }: ObservedContainer): number => {
    if (part.startsWith("worker-")) return 0;
    return part === "nats" ? 2 : 1;
  };
  return [0, 1, 2].map((n) => containers.filter((one) => rank(one) === n));
}

/** 304: it is so already; 404: it is gone; 409: the engine is removing it. */
async function unlessMissing(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    const status = statusOf(error);
    if (status !== 304 && status !== 404 && !(status === 409 && /already in progress/.test(String(error))))
      throw error;
  }
}
