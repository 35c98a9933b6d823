import type { Log, LogEntry, Revision } from "@agentflow/bus";
import { sleep, type World } from "@agentflow/host/clock";
import { type Log as HostLog, redactRecord, type Secrets } from "@agentflow/host/log";
import {
  AgentFlowError,
  isId,
  isTelemetryRecord,
  type LogRecord,
  parseId,
  prefixes,
  type SpanRecord,
  subjects,
  type TelemetryBatch,
  type TelemetryPage,
  type TenantId,
  unixMs,
} from "@agentflow/protocol";
import type { EngineConfig } from "../engine-config.ts";
import type { EngineTelemetry, TelemetryFilter, TelemetryFollower, TelemetryRecord } from "../engine-api.ts";
import { invalidCursor } from "../projector/cursor.ts";
import { recordsPerBatchMax, type TelemetryQuery, type TelemetryRow } from "../projector/read-rows.ts";
import type { ReadStore } from "../projector/read-store.ts";
import { levelRank, parseTelemetryBatch, parseTelemetryRecord } from "./parse-telemetry.ts";

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

/** A record that just came, for followers. */
interface Fresh {
  readonly seq: number;
  readonly record: TelemetryRecord;
}

const scanMax = 50_000;
const pageMax = 1_000;

/**
 * Logs and spans: appended in batches, read back by run, time, level and text. May be lost, never blocks
 * a run.
 */
export class Telemetry implements EngineTelemetry {
  private readonly parts: TelemetryParts;
  private readonly stopped = new AbortController();
  private readonly followers = new Set<(fresh: Fresh) => void>();
  private readonly droppers = new Set<{ readonly tenant: string; readonly tell: (count: number) => void }>();
  private loop: Promise<void> = Promise.resolve();
  private seen = 0;
  /** Aborted, and made anew, each time the stream is read from its beginning. */
  private reading = new AbortController();

  constructor(parts: TelemetryParts) {
    this.parts = parts;
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
  }

  /** The read model was emptied: what the stream still has is put into it again. */
  again(): void {
    this.seen = 0;
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
    const waiting: Fresh[] = [];
    let live = false;
    let last = this.placeOf(filter.after);
    const query = toQuery(tenant, filter);
    const send = ({ seq, record }: Fresh): void => {
      if (seq <= last || to.signal.aborted) return;
      last = seq;
      if (record.tenant === tenant && matches(record, query)) to.onRecord(record, showSeq(seq));
    };
    const listen = (fresh: Fresh): void => void (live ? send(fresh) : waiting.push(fresh));
    this.followers.add(listen);
    const dropper = { tenant, tell: to.onDropped ?? (() => undefined) };
    this.droppers.add(dropper);
    to.onPlace?.(showSeq(last));
    try {
      if (filter.after !== undefined) await this.sendStored({ tenant, query, after: last, to, send });
      live = true;
      for (const fresh of waiting) send(fresh);
      await new Promise<void>((resolve) => {
        const signal = AbortSignal.any([to.signal, this.stopped.signal]);
        if (signal.aborted) return resolve();
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    } finally {
      this.followers.delete(listen);
      this.droppers.delete(dropper);
    }
  }

  /** Records of all tenants from now on, each once. The returned function ends it. */
  tap(onRecord: (record: TelemetryRecord) => void): () => void {
    let last = this.placeOf(undefined);
    const listen = ({ seq, record }: Fresh): void => {
      if (seq <= last) return;
      last = seq;
      onRecord(record);
    };
    this.followers.add(listen);
    return () => void this.followers.delete(listen);
  }

  /** A place beyond the stream is of one that was longer, and is lost: what comes now is behind it. */
  private placeOf(after: string | undefined): number {
    const end = this.seen * recordsPerBatchMax;
    const place = after === undefined ? end : readSeq(after);
    return place < end + recordsPerBatchMax ? place : end;
  }

  private async sendStored(of: {
    tenant: TenantId;
    query: TelemetryQuery;
    after: number;
    to: TelemetryFollower;
    send: (fresh: Fresh) => void;
  }): Promise<void> {
    const { tenant, query, to, send } = of;
    let after = of.after;
    while (!to.signal.aborted) {
      const page = { ...query, after, limit: pageMax, newest: false };
      const { rows, seen } = await this.parts.store.call("queryTelemetry", page);
      for (const { seq, body } of rows) send({ seq, record: { ...parseTelemetryRecord(body), tenant } });
      if (rows.length < pageMax && seen <= after) return;
      after = rows.length < pageMax ? seen : (rows.at(-1)?.seq ?? seen);
    }
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

  private async store(entries: readonly LogEntry[]): Promise<Revision> {
    const { config, world, hidden } = this.parts;
    const rows: TelemetryRow[] = [];
    const fresh: Fresh[] = [];
    const lost: { readonly tenant: string; readonly count: number }[] = [];
    let dropped = 0;
    for (const entry of entries) {
      const tenant = entry.subject.split(".")[2] ?? "";
      const batch = parseTelemetryBatch(entry.body);
      if (batch === undefined || !(tenant === "_" || isId("tenant", tenant))) {
        this.parts.skipped.add();
        continue;
      }
      dropped += batch.dropped ?? 0;
      if (batch.dropped !== undefined) lost.push({ tenant, count: batch.dropped });
      for (const [n, given] of batch.records.slice(0, recordsPerBatchMax).entries()) {
        if (!isTelemetryRecord(given)) {
          this.parts.skipped.add();
          continue;
        }
        const record = hidden === undefined ? given : redactRecord(given, hidden);
        const seq = entry.revision * recordsPerBatchMax + n;
        rows.push(toRow(record, { seq, tenant }));
        if (this.followers.size > 0) fresh.push({ seq, record: { ...record, tenant } });
      }
    }
    const revision = entries.at(-1)?.revision ?? this.seen;
    const olderThanMs = world.clock.now() - config.telemetryMaxAgeMs;
    const bounds = { rowsMax: config.telemetryRowsMax, olderThanMs };
    await this.parts.store.call("applyTelemetry", { rows, dropped, revision, ...bounds });
    for (const one of fresh) for (const send of this.followers) send(one);
    for (const { tenant, count } of lost) {
      for (const dropper of this.droppers) if (dropper.tenant === tenant) dropper.tell(count);
    }
    return revision;
  }
}

function toRow(record: LogRecord | SpanRecord, at: { seq: number; tenant: string }): TelemetryRow {
  const isLog = record.kind === "log";
  return {
    ...at,
    kind: record.kind,
    atMs: unixMs(isLog ? record.at : record.startedAt),
    level: isLog ? levelRank(record.level) : -1,
    source: isLog ? record.source : "span",
    run: record.run ?? "",
    body: JSON.stringify(record),
  };
}

function toQuery(tenant: TenantId, filter: TelemetryFilter): TelemetryQuery {
  const { kind, run, source, level, since, until, grep } = filter;
  const optional: { -readonly [K in keyof TelemetryQuery]?: TelemetryQuery[K] } = {};
  if (kind !== undefined) optional.kind = kind;
  if (run !== undefined) optional.run = run;
  if (source !== undefined) optional.sources = source;
  if (level !== undefined) optional.levelMin = levelRank(level);
  if (since !== undefined) optional.sinceMs = unixMs(since);
  if (until !== undefined) optional.untilMs = unixMs(until);
  if (grep !== undefined) optional.grep = grep.slice(0, 200);
  const limit = Math.min(Math.max(filter.limit ?? 200, 1), pageMax);
  const after = filter.after === undefined ? 0 : readSeq(filter.after);
  return { tenant, ...optional, after, limit, newest: filter.newest ?? false, scanMax };
}

/** The same conditions as the read model's, for records that just came. */
function matches(record: LogRecord | SpanRecord, query: TelemetryQuery): boolean {
  const row = toRow(record, { seq: 0, tenant: query.tenant });
  if (query.kind !== undefined && row.kind !== query.kind) return false;
  if (query.run !== undefined && row.run !== query.run) return false;
  if (query.levelMin !== undefined && row.level < query.levelMin) return false;
  if (query.sinceMs !== undefined && row.atMs < query.sinceMs) return false;
  if (query.untilMs !== undefined && row.atMs >= query.untilMs) return false;
  if (query.sources !== undefined && query.sources.length > 0 && !query.sources.includes(row.source))
    return false;
  const text = record.kind === "log" ? record.message : record.name;
  return query.grep === undefined || text.toLowerCase().includes(query.grep.toLowerCase());
}

function showSeq(seq: number): string {
  return `t${seq.toString(36)}`;
}

function readSeq(cursor: string): number {
  if (cursor === "") return 0;
  if (!/^t[0-9a-z]{1,11}$/.test(cursor)) throw invalidCursor(cursor);
  return Number.parseInt(cursor.slice(1), 36);
}
