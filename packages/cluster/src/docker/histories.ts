/** Before another control plane takes over: whether it can read every history that is alive. */
import { AgentFlowError } from "@agentflow/protocol";
import { historiesRefusal } from "../model/histories-refusal.ts";
import { labels } from "../model/names.ts";
import type { Engine } from "./engine/open.ts";
import type { WantedContainer } from "./objects.ts";
import type { Observed } from "./observe.ts";
import type { Pace } from "./pace.ts";
import type { Plan } from "./plan.ts";
import { removeContainer } from "./remove.ts";
import { waitReady } from "./wait.ts";

/** The control plane that would take over; only another image may read histories differently. */
export function takingOver(
  plan: Plan,
  images: ReadonlyMap<string, string>,
  { containers }: Observed,
): WantedContainer | undefined {
  const runs = containers.some(({ part, state }) => part === "control-plane" && state === "running");
  if (!runs) return undefined;
  const changes = plan.ranks.flat().flatMap((part) => part.changes);
  const found = changes.find(
    (one) =>
      one.kind === "replace" &&
      one.wanted.role === "control-plane" &&
      images.get(one.wanted.image) !== one.old.imageId,
  );
  return found?.wanted;
}

export interface Checking {
  readonly engine: Engine;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly untilMs: number;
  readonly step: (text: string) => void;
}

/**
 * The control plane's own container, run once with another word at the end: it has its files, keys and
 * network, and neither its name nor its ports. Refuses with `history_incompatible`; nothing was applied.
 */
export async function checkHistories(
  controlPlane: WantedContainer,
  observed: Observed,
  { engine, step, ...waiting }: Checking,
): Promise<void> {
  step("the new control plane reads all live histories");
  const name = `${controlPlane.name}-check`;
  const left = observed.containers.find((one) => one.name === name);
  if (left !== undefined) await removeContainer(engine, left);
  const options = checkOptions(controlPlane, new Set(observed.volumes.map((one) => one.name)));
  const container = await engine.ask(`making ${name}`, (docker) =>
    docker.createContainer({ ...options, name }),
  );
  try {
    await engine.ask(`starting ${name}`, () => container.start());
    await waitReady({ name, part: controlPlane.part, runs: "once" }, container.id, { engine, ...waiting });
  } catch (error) {
    throw refusal(error);
  } finally {
    await removeContainer(engine, { id: container.id, name, state: "exited" }, 0).catch(() => undefined);
  }
}

type Options = WantedContainer["options"];

/** Volumes that are not there yet are left out: the engine would make them, and nobody would own them. */
function checkOptions({ options }: WantedContainer, volumes: ReadonlySet<string>): Options {
  const { Healthcheck: _h, ExposedPorts: _e, NetworkingConfig: _n, Hostname: _o, ...own } = options;
  const { [labels.config]: _c, ...kept } = options.Labels ?? {};
  return {
    ...own,
    Cmd: [...(options.Cmd ?? []), "--check-histories"],
    Labels: { ...kept, [labels.part]: "check" },
    HostConfig: {
      ...options.HostConfig,
      Mounts: (options.HostConfig?.Mounts ?? []).filter(
        ({ Type, Source }) => Type !== "volume" || volumes.has(Source),
      ),
      PortBindings: {},
      RestartPolicy: { Name: "no" },
    },
  };
}

function refusal(error: unknown): unknown {
  if (!AgentFlowError.is(error) || error.reason !== "container_failed") return error;
  return historiesRefusal(error, "af status", "without this look: af down, then af up");
}
