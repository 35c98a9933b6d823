import { type LogRecord, logLevels, type SpanRecord, type TelemetryBatch } from "@agentflow/protocol";

/** A batch from the stream; undefined when this build does not know it: skipped and counted. */
export function parseTelemetryBatch(body: string): TelemetryBatch | undefined {
  let batch: unknown;
  try {
    batch = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof batch !== "object" || batch === null || !("v" in batch) || batch.v !== 1) return undefined;
  if (!("kind" in batch) || batch.kind !== "tele" || !("records" in batch)) return undefined;
  return Array.isArray(batch.records) ? (batch as TelemetryBatch) : undefined;
}

/**
 * A record whose kind is known and whose instants can be read, with texts where texts are stored: one that
 * cannot be stored would stand in the way of all that come after it.
 */
export function isTelemetryRecord(record: unknown): record is LogRecord | SpanRecord {
  if (typeof record !== "object" || record === null || !("kind" in record)) return false;
  if ("run" in record && typeof record.run !== "string") return false;
  if (record.kind === "span") {
    return "startedAt" in record && isInstant(record.startedAt) && "name" in record && isText(record.name);
  }
  if (record.kind !== "log" || !("at" in record && isInstant(record.at))) return false;
  if (!("message" in record && isText(record.message))) return false;
  return "source" in record && isText(record.source) && "level" in record && isText(record.level);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

export function parseTelemetryRecord(body: string): LogRecord | SpanRecord {
  return JSON.parse(body) as LogRecord | SpanRecord;
}

export function levelRank(level: string): number {
  return logLevels.findIndex((known) => known === level);
}

function isInstant(value: unknown): boolean {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}
