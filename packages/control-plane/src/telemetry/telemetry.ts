import type { Log, LogEntry, Revision } from "@agentflow/bus";
import { sleep, type World } from "@agentflow/host/clock";
import type { Log as HostLog, Secrets } from "@agentflow/host/log";
import {
  AgentFlowError,
  parseId,
  prefixes,
  subjects,
  type TelemetryBatch,
  type TelemetryPage,
  type TenantId,
} from "@agentflow/protocol";
import type { EngineConfig } from "../engine-config.ts";
import type { EngineTelemetry, TelemetryFilter, TelemetryFollower, TelemetryRecord } from "../engine-api.ts";
import { recordsPerBatchMax } from "../projector/read-rows.ts";
import type { ReadStore } from "../projector/read-store.ts";
import { type Fresh, readSeq, showSeq, toQuery } from "./filter.ts";
import { Follower } from "./follower.ts";
import { Intake } from "./intake.ts";
import { parseTelemetryRecord } from "./parse-telemetry.ts";

export interface TelemetryParts {
  readonly log: Log;
  readonly store: ReadStore;
  readonly world: World;
  readonly say: HostLog;
  readonly config: EngineConfig;
  readonly skipped: { add(amount?: number): void };
  /** What is known to be secret here, hidden in whatever comes; workers have hidden what they know. */
  readonly hidden?: Secrets | undefined;
}

/**
 * Logs and spans: appended in batches, read back by run, time, level and text. May be lost, never blocks
 * a run.
 */
export class Telemetry implements EngineTelemetry {
  private readonly parts: TelemetryParts;
  private readonly intake: Intake;
  private readonly stopped = new AbortController();
  private readonly followers = new Set<(fresh: readonly Fresh[]) => void>();
  private loop: Promise<void> = Promise.resolve();
  private seen = 0;
  /** Aborted, and made anew, each time the stream is read from its beginning. */
  private reading = new AbortController();

  constructor(parts: TelemetryParts) {
    this.parts = parts;
    this.intake = new Intake(parts);
  }

  async start(): Promise<void> {
    const { telemetryRevision } = await this.parts.store.call("checkpoint", undefined);
    this.seen = telemetryRevision;
    await this.checkPlace();
    this.loop = this.read();
  }

  /** A stream that is shorter than what was read of it began anew: others come under the same places. */
  private async checkPlace(): Promise<void> {
    const { store, log } = this.parts;
    if ((await log.head(prefixes.tele)) >= this.seen) return;
    await store.call("forgetTelemetry", undefined);
    this.seen = 0;
    this.intake.forget();
  }

  /** The read model was emptied: what the stream still has is put into it again. */
  again(): void {
    this.seen = 0;
    this.intake.forget();
    this.reading.abort();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.loop;
  }

  async append(tenant: TenantId, batch: TelemetryBatch): Promise<void> {
    const subject = subjects.tele({ tenant, source: parseId("source", batch.source) });
    if (batch.records.length > recordsPerBatchMax) {
      throw new AgentFlowError("limit_exceeded", `at most ${recordsPerBatchMax} records a batch`);
    }
    await this.parts.log.append(subject, JSON.stringify(batch), { expect: "any" });
  }

  async query(tenant: TenantId, filter: TelemetryFilter): Promise<TelemetryPage> {
    const list = await this.parts.store.call("queryTelemetry", toQuery(tenant, filter));
    const records = list.rows.map(({ body }) => ({ ...parseTelemetryRecord(body), tenant }));
    return { records, cursor: showSeq(list.seen), dropped: list.dropped };
  }

  async follow(tenant: TenantId, filter: TelemetryFilter, to: TelemetryFollower): Promise<void> {
    if (this.followers.size >= this.parts.config.followersMax) {
      throw new AgentFlowError("limit_exceeded", "too many follow telemetry already", {
        reason: "follow_limit",
      });
    }
    const query = toQuery(tenant, filter);
    const signal = AbortSignal.any([to.signal, this.stopped.signal]);
    const { store, world } = this.parts;
    const from = filter.after === undefined ? undefined : await this.placeOf(readSeq(filter.after));
    const place = from ?? this.end;
    const follower = new Follower({ query, store, clock: world.clock, to: { ...to, signal }, place });
    this.followers.add(follower.listen);
    to.onPlace?.(showSeq(place));
    try {
      await follower.follow({ live: from === undefined });
    } finally {
      this.followers.delete(follower.listen);
    }
  }

  /** Records of all tenants from now on, each once. The returned function ends it. */
  tap(onRecord: (record: TelemetryRecord) => void): () => void {
    let last = this.end;
    const listen = (fresh: readonly Fresh[]): void => {
      for (const { row, record } of fresh) {
        if (row.seq <= last) continue;
        last = row.seq;
        onRecord({ ...record, tenant: row.tenant });
      }
    };
    this.followers.add(listen);
    return () => void this.followers.delete(listen);
  }

  private get end(): number {
    return this.seen * recordsPerBatchMax + recordsPerBatchMax - 1;
  }

  /**
   * A cursor may come from another control plane that has read further: what lies before it is left out when
   * it comes. A place beyond the stream is of one that was longer, and is lost: what comes now is behind it.
   */
  private async placeOf(place: number): Promise<number> {
    if (place <= this.end) return place;
    const head = await this.parts.log.head(prefixes.tele);
    return place < (head + 1) * recordsPerBatchMax ? place : this.end;
  }

  private async read(): Promise<void> {
    const { signal } = this.stopped;
    const { log, world, say, config } = this.parts;
    while (!signal.aborted) {
      const reading = new AbortController();
      this.reading = reading;
      // One signal that two may abort: a combined one is kept by the process until it is aborted.
      const stop = (): void => reading.abort();
      signal.addEventListener("abort", stop, { once: true });
      try {
        await this.checkPlace();
        const tail = { filter: [prefixes.tele], after: this.seen, signal: reading.signal };
        for await (const batch of log.tail(tail)) {
          const revision = await this.store(batch);
          if (!reading.signal.aborted || signal.aborted) this.seen = revision;
        }
      } catch (error) {
        if (signal.aborted) return;
        say.debug("reading telemetry failed; trying again", { error });
        await sleep(world.timers, config.reloadPauseMaxMs, signal);
      } finally {
        signal.removeEventListener("abort", stop);
      }
    }
  }

  /** One transaction for all that came together; whoever follows hears of it once it can be read again. */
  private async store(entries: readonly LogEntry[]): Promise<Revision> {
    const { config, world, store } = this.parts;
    const { fresh, dropped } = this.intake.take(entries);
    const revision = entries.at(-1)?.revision ?? this.seen;
    const olderThanMs = world.clock.now() - config.telemetryMaxAgeMs;
    const bounds = { rowsMax: config.telemetryRowsMax, olderThanMs };
    await store.call("applyTelemetry", { rows: fresh.map(({ row }) => row), dropped, revision, ...bounds });
    for (const tell of this.followers) tell(fresh);
    return revision;
  }
}
