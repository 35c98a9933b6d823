/** The right to write into an installation: it is empty, nobody is at work in it, and a mark says so. */
import type { Bus, Revision, Table } from "@agentflow/bus";
import type { Stop, World } from "@agentflow/host/clock";
import {
  AgentFlowError,
  type Instant,
  instant,
  parseLogSubject,
  prefixes,
  presenceEveryMs,
} from "@agentflow/protocol";
import { type EngineConfig, engineDefaults } from "../engine-config.ts";
import {
  type Beats,
  beatOf,
  beatsOf,
  changedSince,
  controlPlaneBeats,
  quietMsOf,
  signsOfLife,
} from "../orchestrator/shards/signs-of-life.ts";
import { catchUp } from "./copy-rows.ts";
import {
  findMark,
  type FoundMark,
  givenUp,
  putMark,
  removeMark,
  restoreKey,
  takenOver,
  waysOut,
} from "./mark.ts";
import { readUpTo } from "./read-up-to.ts";

export interface HoldOptions {
  readonly bus: Bus;
  readonly world: World;
  readonly signal: AbortSignal;
  /**
   * On a bus that other processes reach: whoever was silent for so long is not there. Left out where the bus
   * lets nobody else in.
   */
  readonly quietMs?: number;
}

/** What is restored. */
export interface Wanted {
  readonly installation: string;
  readonly sha256: string;
  readonly total: number;
}

const beatEveryMs = 1_000;

/** `quietMs` of an installation whose control planes have these settings. */
export function quietMsWith(config: Partial<EngineConfig>): number {
  const { leaseMs } = { ...engineDefaults, ...config };
  return quietMsOf(Math.max(leaseMs, presenceEveryMs));
}

/** Refuses at once where a look is enough: runs that are there, and what another backup left half done. */
export async function refuseFull(
  { bus, world, signal }: HoldOptions,
  wanted: Wanted,
): Promise<FoundMark | undefined> {
  const found = await findMark(bus.table);
  if (found === undefined) await refuseRuns({ bus, world, signal });
  else if (found.mark.sha256 !== wanted.sha256) throw otherRestore(found, bus.kind);
  return found;
}

/**
 * Held until it is released, or lost to another restore that takes this one for dead: then `lost` aborts.
 * While it stands no control plane serves, and afterwards only when it was released.
 */
export class Hold {
  /** A restore of the same backup was here before. */
  readonly resumes: boolean;
  /** Names this restore. */
  readonly by: string;
  readonly lost: AbortSignal;
  done = 0;
  readonly #options: HoldOptions;
  readonly #wanted: Wanted;
  readonly #at: Instant;
  readonly #abort = new AbortController();
  #revision: Revision;
  #heldMs: number;
  #beating: Promise<void> | undefined;
  #stop: Stop = () => undefined;

  private constructor(options: HoldOptions, of: Taken) {
    this.#options = options;
    this.#wanted = of.wanted;
    this.#at = of.at;
    this.by = of.by;
    this.#revision = of.revision;
    this.#heldMs = options.world.clock.monotonic();
    this.resumes = of.resumes;
    this.lost = this.#abort.signal;
  }

  static async take(options: HoldOptions, wanted: Wanted): Promise<Hold> {
    const { bus, world, quietMs } = options;
    const found = await refuseFull(options, wanted);
    const before = quietMs === undefined ? undefined : await refuseBusy(options, quietMs);
    const at = found?.mark.at ?? instant(world.clock.now());
    const { installation, sha256, total } = wanted;
    const by = Buffer.from(world.random.bytes(8)).toString("hex");
    const mark = { at, installation, sha256, total, done: found?.mark.done ?? 0, by };
    const revision = await putMark(bus.table, mark, found?.revision ?? 0);
    const hold = new Hold(options, { wanted, at, by, revision, resumes: found !== undefined });
    if (before === undefined) return hold;
    // Whoever came since we looked has written its row before it looks for a mark: one of us sees the other.
    await catchUp(bus.table, { at, timers: world.timers, signal: options.signal });
    const came = changedSince(before, await controlPlaneBeats(bus.table));
    if (came.length > 0) {
      if (found === undefined) await removeMark(bus.table, revision);
      throw busy(came);
    }
    hold.#stop = world.timers.every(beatEveryMs, () => hold.#tell(), { background: true });
    return hold;
  }

  /** Throws when it is another's: asked between writes, for whoever was paused has not heard of it yet. */
  async check(): Promise<void> {
    const { quietMs, world, signal } = this.#options;
    const isOld = world.clock.monotonic() - this.#heldMs > 3 * beatEveryMs;
    if (quietMs !== undefined && isOld) await this.#write();
    if (this.lost.aborted) throw this.lost.reason;
    if (signal.aborted) throw givenUp();
  }

  /** What is there is whole from now on. */
  async release(): Promise<void> {
    await this.pause();
    const { table } = this.#options.bus;
    const found = await findMark(table);
    if (found === undefined || found.mark.by !== this.by) throw takenOver();
    await removeMark(table, found.revision);
  }

  /** The mark stays: what is there is not whole. */
  async pause(): Promise<void> {
    this.#stop();
    await this.#beating;
  }

  #tell(): void {
    this.#beating ??= this.#write()
      // A bus that does not answer for a moment is asked again.
      .catch(() => undefined)
      .finally(() => {
        this.#beating = undefined;
      });
  }

  async #write(): Promise<void> {
    const { table } = this.#options.bus;
    const sentMs = this.#options.world.clock.monotonic();
    const { installation, sha256, total } = this.#wanted;
    const mark = { at: this.#at, installation, sha256, total, done: this.done, by: this.by };
    try {
      this.#revision = await putMark(table, mark, this.#revision);
      this.#heldMs = sentMs;
    } catch (error) {
      if (!AgentFlowError.is(error) || error.reason !== takenOver().reason) throw error;
      // Our own write whose answer was lost, or another's mark.
      const found = await findMark(table);
      if (found?.mark.by === this.by) this.#revision = found.revision;
      else this.#abort.abort(error);
    }
  }
}

interface Taken {
  readonly wanted: Wanted;
  readonly at: Instant;
  readonly by: string;
  readonly revision: Revision;
  readonly resumes: boolean;
}

/** What control planes told of themselves, when nobody was at work for so long. */
async function refuseBusy({ bus, world, signal }: HoldOptions, quietMs: number): Promise<Beats> {
  const { table } = bus;
  const controlPlanes = await controlPlaneBeats(table);
  const read = async (): Promise<Beats> => {
    const all = [controlPlaneBeats(table), table.list("worker.").then(beatsOf), beatOf(table, restoreKey)];
    return new Map((await Promise.all(all)).flatMap((beats) => [...beats]));
  };
  const alive = await signsOfLife(read, { world, signal, quietMs });
  if (alive.includes(restoreKey)) {
    throw new AgentFlowError("conflict", "another restore of this backup is under way here", {
      reason: "restore_under_way",
      suggestions: ["let it come to its end"],
    });
  }
  if (alive.length > 0) throw busy(alive);
  return controlPlanes;
}

function busy(keys: readonly string[]): AgentFlowError {
  const names = keys
    .slice(0, 5)
    .map((key) => key.replace(/^node\./, "control plane ").replace(/^worker\.[^.]+\./, "worker "));
  const more = keys.length > names.length ? ` and ${keys.length - names.length} more` : "";
  return new AgentFlowError("refused", `the installation is at work: ${names.join(", ")}${more}`, {
    reason: "installation_busy",
    details: { rows: keys.slice(0, 100) },
    suggestions: ["stop its control planes and workers first: a backup goes into an installation at rest"],
  });
}

function otherRestore({ mark }: FoundMark, kind: string): AgentFlowError {
  const { at, installation } = mark;
  return new AgentFlowError("refused", "an earlier restore of another backup did not come to its end here", {
    reason: "restore_unfinished",
    details: { at, installation },
    suggestions: kind === "embedded" ? ["throw away what is there first"] : waysOut(kind),
  });
}

/** Refuses an installation that has runs, in its log or in archives. */
async function refuseRuns({ bus, world, signal }: HoldOptions): Promise<void> {
  const upTo = await bus.log.heads();
  const of = { prefix: prefixes.log, upTo, timers: world.timers, signal };
  for await (const [entry] of readUpTo(bus.log, of)) {
    if (entry !== undefined) throw notEmpty(bus.kind, parseLogSubject(entry.subject)?.run ?? entry.subject);
  }
  if (await hasArchives(bus.table)) throw notEmpty(bus.kind);
}

async function hasArchives(table: Table): Promise<boolean> {
  try {
    return (await table.list("archived.")).length > 0;
  } catch (error) {
    if (AgentFlowError.is(error) && error.code === "limit_exceeded") return true;
    throw error;
  }
}

function notEmpty(kind: string, run?: string): AgentFlowError {
  const which = run === undefined ? "" : `, for example ${run}`;
  return new AgentFlowError("refused", `the installation has runs already${which}: it must be empty`, {
    reason: "not_empty",
    details: run === undefined ? {} : { run },
    suggestions:
      kind === "embedded"
        ? [
            "restore into another folder: af restore FILE --into DIR",
            "or save what is there (af backup), throw it away (af dev --fresh, then stop it) and restore",
          ]
        : ["restore into a nats-server, or an account of one, that holds no installation"],
  });
}
