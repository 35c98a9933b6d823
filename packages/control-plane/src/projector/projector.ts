import type { Log, Revision } from "@agentflow/bus";
import { sleep, type Stop, type World } from "@agentflow/host/clock";
import type { Log as HostLog } from "@agentflow/host/log";
import { AgentFlowError, prefixes } from "@agentflow/protocol";
import type { EngineConfig } from "../engine-config.ts";
import type { Hub } from "./hub.ts";
import type { LogRecordOfRun, LogTail } from "./log-tail.ts";
import { Projection } from "./project.ts";
import type { LivePlace } from "./read-rows.ts";
import type { ReadStore } from "./read-store.ts";

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
  /** The log lost its end while this engine ran: revisions above the head will be given again. */
  readonly onShorter: (head: Revision) => void;
  /** A commit that this engine did not write, the first time that it is read. */
  readonly onForeign: (record: LogRecordOfRun) => void;
}

interface Waiter {
  readonly revision: Revision;
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
  private read: Revision = 0;
  private applied: Revision = 0;
  private behindSince: number | undefined;
  private flushing: Promise<void> | undefined;
  private stopTimer: Stop | undefined;
  private loop: Promise<void> = Promise.resolve();
  private restart = new AbortController();
  private broken = false;

  constructor(parts: ProjectorParts) {
    this.parts = parts;
  }

  /** Resolves once the read model holds all that the log had at the call. */
  async start(): Promise<void> {
    await this.open();
    this.parts.hub.begin(this.read);
    this.loop = this.follow();
    await this.caughtUp();
  }

  /** The read model holds everything up to here. */
  get revision(): Revision {
    return this.applied;
  }

  get lagMs(): number {
    return this.behindSince === undefined ? 0 : this.parts.world.clock.now() - this.behindSince;
  }

  async caughtUp(): Promise<void> {
    const head = await this.parts.log.head(prefixes.log);
    if (this.applied < head) await this.reach(head, undefined);
  }

  /** True once the read model has `revision`, false when `waitMs` passed first. */
  async reach(revision: Revision, waitMs: number | undefined): Promise<boolean> {
    if (this.applied >= revision || this.stopped.signal.aborted) return this.applied >= revision;
    await new Promise<void>((resolve) => {
      const waiter = { revision, resolve };
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
    return this.applied >= revision;
  }

  /** This build cannot go on with the run: shown until its next commit that this build understands. */
  park(
    of: { tenant: string; run: string; revision: Revision },
    failure: { code: string; message: string },
  ): void {
    this.projection.park(of, failure);
    this.schedule();
  }

  /** The read model's file is damaged: it is built anew, whoever met the damage. */
  condemn(): void {
    this.broken = true;
    this.applied = 0;
    this.restart.abort();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.restart.abort();
    await this.loop;
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
    const { store, log, say } = this.parts;
    const { revision } = await store.call("checkpoint", undefined);
    const head = await log.head(prefixes.log);
    if (revision === 0 || head < revision) {
      if (revision > 0) say.warn("the log is shorter than the read model: rebuilding", { revision, head });
      return this.empty();
    }
    this.read = this.applied = revision;
    await this.restoreUnknown();
  }

  private async empty(): Promise<void> {
    this.projection.clear();
    await this.parts.store.call("reset", undefined);
    await this.parts.refill();
    this.read = this.applied = 0;
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
        if (this.broken) await this.rebuild();
        else await this.checkHead();
        // A stop that came meanwhile has ended what is replaced here, and would never end what follows.
        if (this.stopped.signal.aborted) return;
        this.restart = new AbortController();
        await tail.read(this.read, (records, upTo) => this.take(records, upTo), this.restart.signal);
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
    const head = await this.parts.log.head(prefixes.log);
    if (head >= this.read) return;
    this.parts.say.warn("the log lost its end: rebuilding the read model", { read: this.read, head });
    await this.flushing;
    await this.empty();
    this.parts.hub.rewind(head);
    this.parts.onShorter(head);
  }

  private async rebuild(): Promise<void> {
    this.parts.say.error("the read model is broken: rebuilding it from the log");
    await this.flushing;
    await this.empty();
    this.broken = false;
  }

  private async take(records: readonly LogRecordOfRun[], upTo: Revision): Promise<void> {
    for (const record of records) {
      const { parsed } = record;
      if (parsed.ok) this.projection.add(record, parsed.commit);
      else this.projection.park(record, { code: "incompatible", message: parsed.message });
    }
    const { hub, onForeign } = this.parts;
    // After a rebuild old places are passed again: what they say has been acted on.
    for (const record of records) if (!record.isOwn && record.revision > hub.position) onForeign(record);
    this.read = upTo;
    this.behindSince ??= this.parts.world.clock.now();
    hub.push(records, upTo);
    this.schedule();
    while (this.projection.size > this.parts.config.projectRowsMax && !this.broken) await this.flush();
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
    if (this.broken || (this.projection.size === 0 && this.applied >= this.read)) return;
    this.flushing ??= this.write().finally(() => {
      this.flushing = undefined;
    });
    await this.flushing;
  }

  private async write(): Promise<void> {
    const batch = this.projection.take(this.read);
    try {
      await this.parts.store.call("apply", batch);
    } catch (error) {
      this.broken = true;
      this.restart.abort();
      if (!this.stopped.signal.aborted) this.parts.say.error("writing the read model failed", { error });
      return;
    }
    this.applied = batch.revision;
    this.behindSince = this.read > this.applied ? this.parts.world.clock.now() : undefined;
    const reached = this.waiters.filter(({ revision }) => revision <= this.applied);
    if (reached.length > 0) this.waiters = this.waiters.filter(({ revision }) => revision > this.applied);
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
