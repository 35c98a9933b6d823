import {
  covers,
  type Log,
  newestOf,
  type Position,
  reaches,
  type Revision,
  startOf,
  toJson,
  upTo,
} from "@agentflow/bus";
import { sleep, type Stop, type World } from "@agentflow/host/clock";
import type { Log as HostLog } from "@agentflow/host/log";
import { AgentFlowError } from "@agentflow/protocol";
import type { EngineConfig } from "../engine-config.ts";
import type { InstallationGuard } from "../installation-guard.ts";
import type { Hub } from "./hub.ts";
import type { LogReader, LogRecordOfRun, LogTail } from "./log-tail.ts";
import { Projection } from "./project.ts";
import type { LivePlace, ModelChange } from "./read-rows.ts";
import type { RefusedCalls } from "./refused-calls.ts";
import type { ReadStore } from "./read-store.ts";
import { turnFacts } from "./turn-facts.ts";
import type { TurnRecord } from "./turn-record.ts";

export interface ProjectorParts {
  readonly log: Log;
  readonly tail: LogTail;
  readonly hub: Hub;
  readonly store: ReadStore;
  readonly world: World;
  readonly say: HostLog;
  readonly config: EngineConfig;
  /**
   * Called on an emptied read model, before the log is read again: brings back what the log no longer
   * has.
   */
  readonly refill: () => Promise<void>;
  /** The log lost its end while this engine ran: revisions above its heads will be given again. */
  readonly onShorter: (heads: Position) => void;
  /** Counts commits that this build cannot read. */
  readonly unreadable: { add(): void };
  /** Asked before anything is concluded from where the log ends. */
  readonly guard: Pick<InstallationGuard, "check" | "isNew" | "keep" | "trouble">;
  /** A commit that this engine did not write, the first time that it is read. */
  readonly onForeign: (record: LogRecordOfRun) => void;
  readonly refusedCalls: RefusedCalls;
  /** Calls of models, the first time that they are read. */
  readonly onModels: (models: readonly ModelChange[]) => void;
}

interface Waiter {
  readonly wanted: Position;
  resolve(): void;
}

/**
 * Keeps the read model behind the log: one tail, batches with their checkpoint, rebuilt when it is
 * broken.
 */
export class Projector {
  private readonly parts: ProjectorParts;
  private readonly projection = new Projection();
  private readonly stopped = new AbortController();
  private waiters: Waiter[] = [];
  private read: Position;
  private applied: Position;
  private behindSince: number | undefined;
  private flushing: Promise<void> | undefined;
  private stopTimer: Stop | undefined;
  private loop: Promise<void> = Promise.resolve();
  private restart = new AbortController();
  private broken = false;

  constructor(parts: ProjectorParts) {
    this.parts = parts;
    this.read = this.applied = this.beginning;
  }

  /** Resolves once the read model holds all that the log had at the call. */
  async start(): Promise<void> {
    await this.open();
    this.parts.hub.begin(this.read);
    this.loop = this.follow();
    await this.caughtUp();
  }

  /** The read model holds everything up to here. */
  get position(): Position {
    return this.applied;
  }

  get lagMs(): number {
    return this.behindSince === undefined ? 0 : this.parts.world.clock.now() - this.behindSince;
  }

  /** Approvals that wait for a person, of all tenants. */
  get openApprovals(): number {
    return this.projection.openApprovals;
  }

  async caughtUp(): Promise<void> {
    await this.reach(await this.parts.log.heads(), undefined);
  }

  /** True once the read model has the commit at `revision`, false when `waitMs` passed first. */
  has(revision: Revision, waitMs: number): Promise<boolean> {
    return this.reach(upTo(revision, this.parts.log.lanes), waitMs);
  }

  private async reach(wanted: Position, waitMs: number | undefined): Promise<boolean> {
    if (reaches(this.applied, wanted) || this.stopped.signal.aborted) return reaches(this.applied, wanted);
    await new Promise<void>((resolve) => {
      const waiter = { wanted, resolve };
      this.waiters.push(waiter);
      if (waitMs === undefined) return;
      const cancel = this.parts.world.timers.after(waitMs, () => {
        this.waiters = this.waiters.filter((one) => one !== waiter);
        resolve();
      });
      waiter.resolve = () => {
        cancel();
        resolve();
      };
    });
    return reaches(this.applied, wanted);
  }

  private get beginning(): Position {
    return startOf(this.parts.log.lanes);
  }

  /** This build cannot go on with the run: shown until its next commit that this build understands. */
  park(
    of: { tenant: string; run: string; revision: Revision },
    failure: { code: string; message: string },
  ): void {
    this.projection.park(of, failure);
    this.schedule();
  }

  /** What the log is must be asked again before more is read from it. */
  again(): void {
    this.restart.abort();
  }

  /** The read model's file is damaged: it is built anew, whoever met the damage. */
  condemn(): void {
    this.broken = true;
    this.applied = this.beginning;
    this.restart.abort();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.restart.abort();
    await this.loop;
    await this.parts.refusedCalls.settled();
    this.stopTimer?.();
    await this.flush().catch(() => undefined);
    for (const waiter of this.waiters.splice(0)) waiter.resolve();
  }

  private async open(): Promise<void> {
    try {
      await this.openStored();
    } catch (error) {
      if (!this.broken) throw error;
      this.parts.say.error("the read model is damaged: building it anew from the log", { error });
      await this.empty();
      this.broken = false;
    }
  }

  private async openStored(): Promise<void> {
    const { store, log, say, guard } = this.parts;
    const { position } = await store.call("checkpoint", undefined);
    if (guard.trouble !== undefined) return this.standAt(position ?? this.beginning);
    const heads = await log.heads();
    if (position === undefined || newestOf(position) === 0) return this.empty();
    const isShorter = position.length !== heads.length || !reaches(heads, position);
    if (isShorter) {
      say.warn("the log is shorter than the read model: rebuilding", {
        revision: toJson(position),
        head: toJson(heads),
      });
    }
    if (isShorter || guard.isNew) return this.empty();
    await this.standAt(position);
  }

  private async standAt(position: Position): Promise<void> {
    this.read = this.applied = position;
    await this.restoreUnknown();
  }

  private async empty(): Promise<void> {
    this.projection.clear();
    await this.parts.store.call("reset", undefined);
    await this.parts.refill();
    this.read = this.applied = this.beginning;
    this.parts.guard.keep();
  }

  private async restoreUnknown(): Promise<void> {
    let after: LivePlace | undefined;
    for (;;) {
      const live = await this.parts.store.call("live", { after, limit: 1_000 });
      this.projection.restore(live);
      after = live.at(-1);
      if (live.length < 1_000) return;
    }
  }

  private async follow(): Promise<void> {
    const { tail, world, say, config } = this.parts;
    let pauseMs = config.reloadPauseMs;
    while (!this.stopped.signal.aborted) {
      try {
        await this.parts.guard.check();
        if (this.broken) await this.rebuild();
        else await this.checkHead();
        // A stop that came meanwhile has ended what is replaced here, and would never end what follows.
        if (this.stopped.signal.aborted) return;
        this.restart = new AbortController();
        await tail.read(this.read, (...batch) => this.take(...batch), this.restart.signal);
        pauseMs = config.reloadPauseMs;
      } catch (error) {
        say.warn("reading the log failed", { error });
        await sleep(world.timers, pauseMs, this.stopped.signal);
        pauseMs = Math.min(pauseMs * 2, config.reloadPauseMaxMs);
      }
    }
  }

  /** A log that lost its tail gives revisions again that were read here already. */
  private async checkHead(): Promise<void> {
    const heads = await this.parts.log.heads();
    if (reaches(heads, this.read) && !this.parts.guard.isNew) return;
    this.parts.say.warn("the log is not the one that was read: rebuilding the read model", {
      read: toJson(this.read),
      head: toJson(heads),
    });
    await this.flushing;
    await this.empty();
    this.parts.hub.rewind(heads);
    this.parts.onShorter(heads);
  }

  private async rebuild(): Promise<void> {
    this.parts.say.error("the read model is broken: rebuilding it from the log");
    await this.flushing;
    await this.empty();
    this.broken = false;
  }

  private async take(...[records, position, all]: Parameters<LogReader>): Promise<void> {
    for (const record of records) {
      const { parsed } = record;
      if (parsed.ok) this.projection.add(record, parsed.commit);
      else this.unreadable(record, parsed.message);
    }
    const { hub, onForeign } = this.parts;
    for (const record of all) if (record.kind === "turn") this.turn(record);
    // After a rebuild old places are passed again: what they say has been acted on.
    for (const record of records) {
      if (!record.isOwn && !covers(hub.position, record.revision)) onForeign(record);
    }
    this.read = position;
    this.behindSince ??= this.parts.world.clock.now();
    hub.push(all, position);
    this.schedule();
    while (this.projection.size > this.parts.config.projectRowsMax && !this.broken) await this.flush();
  }

  /** What a journal tells of models goes into the read model; of refused calls, to the trail. */
  private turn(record: TurnRecord): void {
    const { models, refused } = turnFacts(record);
    this.projection.addModels(models);
    this.parts.refusedCalls.seen(record, refused);
    if (!covers(this.parts.hub.position, record.revision)) this.parts.onModels(models);
  }

  /** Passed over, and said: one commit that nobody can read must not stop what follows it. */
  private unreadable(record: LogRecordOfRun, message: string): void {
    const { tenant, run, revision } = record;
    const { say, unreadable } = this.parts;
    unreadable.add();
    say.child({ tenant, run }).error(`a commit cannot be read: ${message}`, { revision });
    this.projection.park(record, { code: "incompatible", message });
  }

  private schedule(): void {
    if (this.stopTimer !== undefined || this.stopped.signal.aborted) return;
    this.stopTimer = this.parts.world.timers.after(this.parts.config.projectEveryMs, () => {
      this.stopTimer = undefined;
      void this.flush().catch(() => undefined);
    });
  }

  private async flush(): Promise<void> {
    if (this.flushing !== undefined) await this.flushing;
    if (this.broken || (this.projection.size === 0 && reaches(this.applied, this.read))) return;
    this.flushing ??= this.write().finally(() => {
      this.flushing = undefined;
    });
    await this.flushing;
  }

  private async write(): Promise<void> {
    const { projection } = this;
    const batch = { runs: projection.take(), models: projection.takeModels(), position: this.read };
    try {
      await this.parts.store.call("apply", batch);
    } catch (error) {
      this.broken = true;
      this.restart.abort();
      if (!this.stopped.signal.aborted) this.parts.say.error("writing the read model failed", { error });
      return;
    }
    this.applied = batch.position;
    this.behindSince = reaches(this.applied, this.read) ? undefined : this.parts.world.clock.now();
    const isReached = ({ wanted }: Waiter): boolean => reaches(this.applied, wanted);
    const reached = this.waiters.filter(isReached);
    if (reached.length > 0) this.waiters = this.waiters.filter((waiter) => !isReached(waiter));
    for (const waiter of reached) waiter.resolve();
  }
}

/** A list that asked for a revision the read model did not reach in time. */
export function notYet(revision: Revision): AgentFlowError {
  return new AgentFlowError("unavailable", "the read model is behind the log", {
    reason: "read_model_behind",
    details: { revision, retryAfterMs: 1_000 },
  });
}
