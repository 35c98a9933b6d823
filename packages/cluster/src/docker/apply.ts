/** Makes the engine carry what is wanted; each step may be the last one before an interruption. */
import { AgentFlowError } from "@agentflow/protocol";
import type { Progress } from "../image/images.ts";
import { fillVolumes, readFolder, readVolume } from "./carrier.ts";
import { statusOf } from "./engine/errors.ts";
import type { Engine } from "./engine/open.ts";
import { checkHistories, takingOver } from "./histories.ts";
import { checkNames, imageIds, portHolder } from "./look.ts";
import type { Objects, WantedContainer, WantedVolume } from "./objects.ts";
import { type Observed, type ObservedContainer, observe } from "./observe.ts";
import type { Pace } from "./pace.ts";
import { type ContainerChange, type PartChanges, type Plan, type PlanOptions, planChanges } from "./plan.ts";
import { removeContainer, removeNetwork, removeVolume } from "./remove.ts";
import { waitReady } from "./wait.ts";

export type ContainerState = "stopping" | "removed" | "creating" | "starting" | "ready" | "kept" | "failed";

export interface ApplyProgress extends Progress {
  /** How one container stands now. */
  container(name: string, state: ContainerState): void;
}

export interface Applying {
  readonly engine: Engine;
  readonly desired: Objects;
  readonly recreate?: PlanOptions["recreate"];
  /** Parts that may be changed; all when left out. */
  readonly only?: PlanOptions["only"];
  /** Values of the project's secrets; kept in the engine's volume and nowhere else. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly progress: ApplyProgress;
  readonly signal: AbortSignal;
  /** Whether each part is waited for; jobs always are. */
  readonly wait: boolean;
  readonly timeoutMs: number;
  readonly pace: Pace;
}

export interface Applied {
  readonly created: number;
  readonly replaced: number;
  readonly started: number;
  readonly removed: number;
  readonly kept: number;
  /** Whether values of secrets were written. */
  readonly secretsWritten: boolean;
}

/*
 * Who loses a race against another `up` looks again; losing always means that two want different things.
 * An engine keeps a name for a container from before it lists it until after it has removed it: on a busy one
 * for seconds. So there is a pause before each look, longer each time, some eight seconds in all.
 */
const roundsMax = 10;
const pauseMs = { first: 50, longest: 2_000 } as const;

function pauseBefore(round: number): number {
  return Math.min(pauseMs.longest, pauseMs.first * 2 ** (round - 2));
}

/**
 * Ends when everything is as wanted and ready. Interrupted at any point, the next call goes on from there.
 * Two at a time that want the same are harmless; two that want different things end with `conflict`.
 */
export async function apply(applying: Applying): Promise<Applied> {
  const { engine, desired, signal, pace, progress } = applying;
  let hasRead = false;
  const untilMs = pace.nowMs() + applying.timeoutMs;
  const images = await imageIds(engine, desired);
  await checkNames(engine, desired);
  let total: Applied = { created: 0, replaced: 0, started: 0, removed: 0, kept: 0, secretsWritten: false };
  for (let round = 1; round <= roundsMax; round++) {
    signal.throwIfAborted();
    const observed = await observe(engine, desired);
    // What was asked for by a person is done once; later rounds only mend.
    const recreate = round === 1 ? applying.recreate : undefined;
    const plan = planChanges(desired, observed, {
      images,
      ...(recreate === undefined ? {} : { recreate }),
      ...(applying.only === undefined ? {} : { only: applying.only }),
    });
    if (round > 1 && !differs(plan)) return total;
    const next = hasRead ? undefined : takingOver(plan, images, observed);
    try {
      if (next !== undefined) {
        const step = progress.step.bind(progress);
        await checkHistories(next, observed, { engine, pace, signal, untilMs, step });
        hasRead = true;
      }
      total = sum(total, await new Round(applying, untilMs).carryOut(plan, observed));
      if (round === 1 && !differs(plan)) return total;
    } catch (error) {
      if (!isLostRace(error) || round === roundsMax) throw error;
      await pace.wait(pauseBefore(round + 1), signal);
    }
  }
  throw new AgentFlowError("conflict", "another af changes this installation at the same time", {
    reason: "changed_meanwhile",
    suggestions: ["wait until it is done, then: af up"],
  });
}

/** Whether the containers are other ones than wanted; one that is stopped is a matter of health. */
function differs(plan: Plan): boolean {
  const changes = plan.ranks.flat().flatMap((part) => part.changes);
  return plan.before.length > 0 || changes.some(({ kind }) => kind !== "keep");
}

/** Another `up` made, or removed, what we were about to. */
function isLostRace(error: unknown): boolean {
  if (!AgentFlowError.is(error)) return false;
  if (error.reason === "changed_meanwhile") return true;
  const status = statusOf(error);
  return status === 409 || (status === 404 && error.reason !== "image_missing");
}

function sum(a: Applied, b: Applied): Applied {
  return {
    created: a.created + b.created,
    replaced: a.replaced + b.replaced,
    started: a.started + b.started,
    removed: a.removed + b.removed,
    kept: b.kept,
    secretsWritten: a.secretsWritten || b.secretsWritten,
  };
}

class Round {
  readonly #applying: Applying;
  readonly #untilMs: number;

  constructor(applying: Applying, untilMs: number) {
    this.#applying = applying;
    this.#untilMs = untilMs;
  }

  async carryOut(plan: Plan, observed: Observed): Promise<Applied> {
    const { signal } = this.#applying;
    for (const change of plan.before) {
      signal.throwIfAborted();
      if (change.kind === "create_network") await this.#createNetwork();
      if (change.kind === "remove_network") await removeNetwork(this.#applying.engine, change);
      if (change.kind === "create_volume") await this.#createVolume(change.volume);
      if (change.kind === "remove") await this.#remove(change.old);
    }
    const secretsWritten = await this.#fill(plan, observed);
    for (const rank of plan.ranks) await allOf(rank.map((part) => this.#part(part)));
    if (this.#applying.only === undefined) await this.#removeSecrets(observed);
    const kinds = plan.ranks.flat().flatMap(({ changes }) => changes.map(({ kind }) => kind));
    const count = (kind: string): number => kinds.filter((one) => one === kind).length;
    return {
      created: count("create"),
      replaced: count("replace"),
      started: count("start"),
      kept: count("keep"),
      removed: plan.before.filter(({ kind }) => kind === "remove").length,
      secretsWritten,
    };
  }

  /** The engine takes a name twice; of two that were made at the same time the older one stays. */
  async #createNetwork(): Promise<void> {
    const { engine, desired, progress } = this.#applying;
    const { name, labels } = desired.network;
    progress.step(`making network ${name}`);
    const own = await engine.ask(`making network ${name}`, async (docker) => {
      const network = { Name: name, Driver: "bridge", CheckDuplicate: true, Labels: { ...labels } };
      return (await docker.createNetwork(network)).id;
    });
    const [first] = (await observe(engine, desired)).networks;
    if (first !== own) await removeNetwork(engine, { name, id: own });
  }

  async #createVolume({ name, labels }: WantedVolume): Promise<void> {
    const { engine, progress } = this.#applying;
    progress.step(`making volume ${name}`);
    await engine.ask(`making volume ${name}`, async (docker) => {
      await docker.createVolume({ Name: name, Labels: { ...labels } });
    });
  }

  async #remove(old: ObservedContainer): Promise<void> {
    const { engine, progress } = this.#applying;
    progress.container(old.name, "stopping");
    await removeContainer(engine, old);
    progress.container(old.name, "removed");
  }

  /** Volumes that no container uses yet get their owner, files and secrets those of now. */
  async #fill(plan: Plan, observed: Observed): Promise<boolean> {
    const { engine, desired, pace } = this.#applying;
    const used = new Set(observed.containers.flatMap(({ mounts }) => [...mounts.values()]));
    const restarted = new Set(
      plan.ranks
        .flat()
        .flatMap(({ changes }) => changes.flatMap((one) => (one.kind === "keep" ? [] : one.wanted.volumes))),
    );
    const image = desired.containers[0]?.image;
    if (image === undefined) return false;
    const secrets = await this.#staleSecrets(observed, image);
    const volumes = desired.volumes.filter(({ name, holds }) => {
      if (holds === "secrets") return secrets !== undefined;
      return !used.has(name) || (holds === "files" && restarted.has(name));
    });
    const filling = { desired, volumes, image, secrets: secrets ?? new Map<string, string>() };
    await fillVolumes(engine, { ...filling, nowMs: pace.nowMs() });
    return (secrets?.size ?? 0) > 0;
  }

  /** What has to be written, if anything. No hash of a secret lies anywhere. */
  async #staleSecrets(
    { volumes, containers }: Observed,
    image: string,
  ): Promise<ReadonlyMap<string, string> | undefined> {
    const { engine, desired, secrets } = this.#applying;
    const volume = desired.volumes.find(({ holds }) => holds === "secrets");
    if (volume === undefined) return undefined;
    if (!volumes.some(({ name }) => name === volume.name)) return secrets;
    const places = containers.map(({ id, mounts }) => ({
      id,
      place: [...mounts].find(([, name]) => name === volume.name)?.[0],
    }));
    const user = places.find(({ place }) => place !== undefined);
    const there =
      user?.place === undefined
        ? await readVolume(engine, volume, { desired, image })
        : ((await readFolder(engine, user.id, user.place)) ?? new Map<string, string>());
    const withdrawn = [...there.keys()].filter((name) => !desired.secrets.includes(name));
    // The engine takes no file away while others use the volume; an empty one is no secret.
    const values = new Map([...secrets, ...withdrawn.map((name) => [name, ""] as const)]);
    return [...values].some(([name, value]) => there.get(name) !== value) ? values : undefined;
  }

  /** Values that nothing asks for any more. One that is still in use goes with the next `up`. */
  async #removeSecrets({ volumes }: Observed): Promise<void> {
    const { engine, desired, progress } = this.#applying;
    const wanted = new Set(desired.volumes.map(({ name }) => name));
    for (const { name, holds } of volumes) {
      if (holds !== "secrets" || wanted.has(name)) continue;
      progress.step(`removing volume ${name}`);
      await removeVolume(engine, name).catch((error: unknown) => {
        if (statusOf(error) !== 409) throw error;
      });
    }
  }

  /** New copies side by side, the others one after the other, so that the part never stops as a whole. */
  async #part({ changes }: PartChanges): Promise<void> {
    const replaced = changes.filter(({ kind }) => kind === "replace");
    const others = changes.filter(({ kind }) => kind !== "replace");
    await allOf(others.map((change) => this.#change(change)));
    for (const change of replaced) await this.#change(change);
  }

  async #change(change: ContainerChange): Promise<void> {
    const { progress, signal } = this.#applying;
    const { wanted } = change;
    signal.throwIfAborted();
    try {
      const id = await this.#begin(change);
      await this.#ready(wanted, id);
      progress.container(wanted.name, change.kind === "keep" ? "kept" : "ready");
    } catch (error) {
      progress.container(wanted.name, "failed");
      throw error;
    }
  }

  /** Id of the container, which has been started. */
  async #begin(change: ContainerChange): Promise<string> {
    const { progress } = this.#applying;
    const { wanted } = change;
    if (change.kind === "keep") return change.old.id;
    if (change.kind === "start") {
      progress.container(wanted.name, "starting");
      await this.#start(wanted, change.old.id);
      return change.old.id;
    }
    if (change.kind === "replace") {
      progress.container(wanted.name, "stopping");
      await removeContainer(this.#applying.engine, change.old);
    }
    progress.container(wanted.name, "creating");
    const id = await this.#create(wanted);
    progress.container(wanted.name, "starting");
    await this.#start(wanted, id);
    return id;
  }

  async #create(wanted: WantedContainer): Promise<string> {
    const { engine } = this.#applying;
    return engine.ask(`making ${wanted.name}`, async (docker) => {
      return (await docker.createContainer(wanted.options)).id;
    });
  }

  async #start(wanted: WantedContainer, id: string): Promise<void> {
    const { engine } = this.#applying;
    try {
      await engine.ask(`starting ${wanted.name}`, async (docker) => {
        // A paused one cannot be started, only woken.
        const container = docker.getContainer(id);
        if ((await container.inspect()).State.Paused) await container.unpause();
        else await container.start();
      });
    } catch (error) {
      // 304: it runs already.
      if (statusOf(error) === 304) return;
      throw AgentFlowError.is(error) && error.reason === "port_taken"
        ? await portHolder(engine, error)
        : error;
    }
  }

  async #ready(wanted: WantedContainer, id: string): Promise<void> {
    const { engine, pace, signal, wait } = this.#applying;
    if (!wait && wanted.runs === "always") return;
    await waitReady(wanted, id, { engine, pace, signal, untilMs: this.#untilMs });
  }
}

/** Waits for all, also when one fails: nothing goes on behind the back of who called. */
async function allOf(work: readonly Promise<void>[]): Promise<void> {
  const ended = await Promise.allSettled(work);
  const failed = ended.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
