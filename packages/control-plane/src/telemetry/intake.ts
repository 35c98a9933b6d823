/**
 * Batches of the stream as rows: each record once, and where some are missing a row that says so. What comes
 * out depends on the stream alone, so every control plane gives the same record the same place.
 */
import type { LogEntry } from "@agentflow/bus";
import { redactRecord, type Secrets } from "@agentflow/host/log";
import {
  instant,
  isId,
  isTelemetryRecord,
  type LogRecord,
  type SpanRecord,
  type TelemetryBatch,
  unixMs,
} from "@agentflow/protocol";
import { recordsPerBatchMax, type TelemetryRow } from "../projector/read-rows.ts";
import type { Fresh } from "./filter.ts";
import { levelRank, parseTelemetryBatch } from "./parse-telemetry.ts";

export interface Taken {
  readonly fresh: readonly Fresh[];
  readonly dropped: number;
}

interface IntakeParts {
  readonly skipped: { add(amount?: number): void };
  readonly hidden?: Secrets | undefined;
}

/** One more than this, and of the writer that was silent for longest nothing is known any more. */
const writersMax = 10_000;

export class Intake {
  private readonly parts: IntakeParts;
  /** The last number of each writer, the one that wrote last at the end. */
  private readonly last = new Map<string, number>();

  constructor(parts: IntakeParts) {
    this.parts = parts;
  }

  /** The stream is read from another place: what was read before says nothing of what comes. */
  forget(): void {
    this.last.clear();
  }

  take(entries: readonly LogEntry[]): Taken {
    const fresh: Fresh[] = [];
    let dropped = 0;
    for (const entry of entries) {
      const tenant = entry.subject.split(".")[2] ?? "";
      const batch = parseTelemetryBatch(entry.body);
      if (batch === undefined || !(tenant === "_" || isId("tenant", tenant))) {
        this.parts.skipped.add();
        continue;
      }
      dropped += this.takeBatch(batch, { entry, tenant, fresh });
    }
    return { fresh, dropped };
  }

  /** How many records are missing before it. */
  private takeBatch(
    batch: TelemetryBatch,
    of: { readonly entry: LogEntry; readonly tenant: string; readonly fresh: Fresh[] },
  ): number {
    const { entry, tenant, fresh } = of;
    const records = this.recordsOf(batch);
    const told = count(batch.dropped);
    let n = 0;
    const place = (): number => entry.revision * recordsPerBatchMax + n++;
    const kept: (LogRecord | SpanRecord)[] = [];
    let missing = 0;
    for (const record of records) {
      const { writer, seq } = record;
      if (writer !== undefined && seq !== undefined) {
        const last = this.last.get(writer);
        // Sent again because nobody knew that it had arrived.
        if (last !== undefined && seq <= last) continue;
        if (last !== undefined) missing += seq - last - 1;
        this.remember(writer, seq);
      }
      kept.push(record);
    }
    // A number is missing whether it was dropped or the stream lost it: the sender tells of the first.
    const lost = Math.max(told, missing);
    if (lost > 0) {
      const gap = gapRecord({ count: lost, source: batch.source, told, atMs: entry.atMs });
      fresh.push({ record: gap, row: { ...toRow(gap, { seq: place(), tenant }), kind: "gap", run: "*" } });
    }
    for (const record of kept.slice(0, recordsPerBatchMax - n)) {
      fresh.push({ record, row: toRow(record, { seq: place(), tenant }) });
    }
    return lost;
  }

  private recordsOf({ records }: TelemetryBatch): (LogRecord | SpanRecord)[] {
    const { hidden, skipped } = this.parts;
    const out: (LogRecord | SpanRecord)[] = [];
    const looks = hidden !== undefined && !hidden.isEmpty();
    for (const given of records.slice(0, recordsPerBatchMax)) {
      if (isTelemetryRecord(given)) out.push(looks ? redactRecord(given, hidden) : given);
      else skipped.add();
    }
    return out;
  }

  private remember(writer: string, seq: number): void {
    // Those that write stay at the end of the map, where a new one is put.
    this.last.delete(writer);
    this.last.set(writer, seq);
    if (this.last.size <= writersMax) return;
    const [oldest] = this.last.keys();
    if (oldest !== undefined) this.last.delete(oldest);
  }
}

/** The name by which readers know such a record. */
const gapName = "gap";

function gapRecord(of: { count: number; source: string; told: number; atMs: number }): LogRecord {
  const { count: lost, source, told, atMs } = of;
  const why = told > 0 ? "it could not send them in time" : "the bus has them no more";
  return {
    kind: "log",
    at: instant(atMs),
    level: "warn",
    source: "bus",
    name: gapName,
    message: `${lost} ${lost === 1 ? "record" : "records"} of ${source.slice(0, 100)} lost here: ${why}`,
    fields: { lost, from: source.slice(0, 100) },
  };
}

/** What was once kept here and is no more, for who comes too late. */
export function trimmedRecord(atMs: number): LogRecord {
  return {
    kind: "log",
    at: instant(atMs),
    level: "warn",
    source: "bus",
    name: gapName,
    message: "records lost here: they were kept no longer when it was their turn",
    fields: { from: "retention" },
  };
}

function count(dropped: unknown): number {
  return typeof dropped === "number" && Number.isSafeInteger(dropped) && dropped > 0 ? dropped : 0;
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
