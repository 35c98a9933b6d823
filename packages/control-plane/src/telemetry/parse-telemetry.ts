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

export function parseTelemetryRecord(body: string): LogRecord | SpanRecord {
  return JSON.parse(body) as LogRecord | SpanRecord;
}

export function levelRank(level: string): number {
  return logLevels.findIndex((known) => known === level);
}
