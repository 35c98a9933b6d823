/** One reader of logs and spans: what is stored behind its place, then what comes; each once, in order. */
import type { Clock } from "@agentflow/host/clock";
import type { LogRecord, SpanRecord } from "@agentflow/protocol";
import type { TelemetryFollower } from "../engine-api.ts";
import type { TelemetryQuery } from "../projector/read-rows.ts";
import type { ReadStore } from "../projector/read-store.ts";
import { conditionOf, type Fresh, pageMax, showSeq } from "./filter.ts";
import { trimmedRecord } from "./intake.ts";
import { parseTelemetryRecord } from "./parse-telemetry.ts";

/** What leaves as one message, and what is given at once to a reader who may be slow. */
const chunkBytesMax = 256 * 1024;
const liveBytesMax = 1024 * 1024;
/** Records that may wait for a reader who stands still: more than these it gets from the store. */
const meanwhileMax = 5_000;

interface FollowerParts {
  readonly query: TelemetryQuery;
  readonly store: ReadStore;
  readonly clock: Clock;
  readonly to: TelemetryFollower;
  /** It has everything up to here. */
  readonly place: number;
}

interface Line {
  readonly seq: number;
  readonly body: string;
  readonly record?: LogRecord | SpanRecord;
}

export class Follower {
  private readonly parts: FollowerParts;
  private readonly suits: (fresh: Fresh) => boolean;
  private last: number;
  private live = false;
  /** What came while the read model was asked: its answer may be older. */
  private meanwhile: Fresh[] = [];
  /** More came meanwhile than was kept: it is in the store. */
  private isCut = false;
  private wake: () => void = () => undefined;

  constructor(parts: FollowerParts) {
    this.parts = parts;
    this.suits = conditionOf(parts.query);
    this.last = parts.place;
  }

  /** Told of everything that comes, once it is stored. */
  readonly listen = (fresh: readonly Fresh[]): void => {
    if (!this.live) return this.keep(fresh);
    const tooMuch = this.parts.to.isBehind !== undefined && sizeOf(fresh) > liveBytesMax;
    if (!tooMuch && this.parts.to.isBehind?.() !== true) return this.sendFresh(fresh);
    // It is given the rest from the store, at the pace at which it takes it.
    this.live = false;
    this.wake();
  };

  private keep(fresh: readonly Fresh[]): void {
    this.isCut ||= this.meanwhile.length + fresh.length > meanwhileMax;
    if (this.isCut) this.meanwhile = [];
    else for (const one of fresh) this.meanwhile.push(one);
  }

  /** Records that it keeps in memory. */
  get kept(): number {
    return this.meanwhile.length;
  }

  /** Ends with the signal. */
  async follow({ live }: { readonly live: boolean }): Promise<void> {
    const { signal } = this.parts.to;
    this.live = live;
    while (!signal.aborted) {
      if (!this.live) await this.sendStored();
      if (signal.aborted) return;
      await this.untilBehind();
    }
  }

  private untilBehind(): Promise<void> {
    const { signal } = this.parts.to;
    return new Promise((resolve) => {
      const end = (): void => {
        signal.removeEventListener("abort", end);
        resolve();
      };
      this.wake = end;
      signal.addEventListener("abort", end, { once: true });
      if (signal.aborted || !this.live) end();
    });
  }

  private async sendStored(): Promise<void> {
    const { query, store, to, clock } = this.parts;
    let after = this.last;
    while (!to.signal.aborted) {
      await to.ready?.();
      this.meanwhile = [];
      this.isCut = false;
      const page = { ...query, after, limit: pageMax, newest: false };
      const { rows, seen, trimmed } = await store.call("queryTelemetry", page);
      if (after > 0 && after < trimmed) {
        const record = trimmedRecord(clock.now());
        this.send([{ seq: trimmed, body: JSON.stringify(record), record }]);
      }
      for (const chunk of chunksOf(rows)) {
        await to.ready?.();
        this.send(chunk);
      }
      if (rows.length < pageMax && seen <= after && !this.isCut) break;
      after = rows.length < pageMax ? Math.max(seen, after) : (rows.at(-1)?.seq ?? seen);
    }
    this.live = true;
    const waiting = this.meanwhile;
    this.meanwhile = [];
    this.sendFresh(waiting);
  }

  private sendFresh(fresh: readonly Fresh[]): void {
    const lines: Line[] = [];
    for (const one of fresh) {
      const { seq, body } = one.row;
      if (seq > this.last && this.suits(one)) lines.push({ seq, body, record: one.record });
    }
    this.send(lines);
    this.last = Math.max(this.last, fresh.at(-1)?.row.seq ?? 0);
  }

  private send(lines: readonly Line[]): void {
    const { to, query } = this.parts;
    const { tenant } = query;
    const news = lines.filter(({ seq }) => seq > this.last);
    const newest = news.at(-1);
    if (newest === undefined || to.signal.aborted) return;
    this.last = newest.seq;
    const owned = `{"tenant":${JSON.stringify(tenant)},`;
    to.onLines?.(
      news.map(({ body }) => `${owned}${body.slice(1)}`),
      showSeq(newest.seq),
    );
    if (to.onRecord === undefined) return;
    for (const { seq, body, record = parseTelemetryRecord(body) } of news) {
      to.onRecord({ ...record, tenant }, showSeq(seq));
    }
  }
}

function sizeOf(fresh: readonly Fresh[]): number {
  return fresh.reduce((bytes, { row }) => bytes + row.body.length, 0);
}

function* chunksOf(lines: readonly Line[]): Generator<readonly Line[]> {
  let chunk: Line[] = [];
  let bytes = 0;
  for (const line of lines) {
    if (chunk.length > 0 && bytes + line.body.length > chunkBytesMax) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(line);
    bytes += line.body.length;
  }
  if (chunk.length > 0) yield chunk;
}
