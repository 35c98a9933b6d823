/**
 * Logs and spans of a worker and its runners, on their way to the bus in batches. May be lost, never blocks.
 */
import type { Bus } from "@agentflow/bus";
import type { Timers } from "@agentflow/host/clock";
import { createBatcher } from "@agentflow/host/log";
import {
  type LogRecord,
  type SpanRecord,
  type TelemetryBatch,
  type TenantId,
  type WorkerId,
  parseId,
  subjects,
} from "@agentflow/protocol";

export interface Telemetry {
  tell(records: readonly (LogRecord | SpanRecord)[]): void;
  stop(): Promise<void>;
}

export function createTelemetry(options: {
  bus: Bus;
  timers: Timers;
  tenant: TenantId;
  worker: WorkerId;
}): Telemetry {
  const { bus, timers, tenant, worker } = options;
  const subject = subjects.tele({ tenant, source: parseId("source", worker) });
  const batcher = createBatcher<LogRecord | SpanRecord>({
    maxMs: 100,
    maxBytes: 64 * 1024,
    timers,
    sizeOf,
    async send(records, { dropped }) {
      const batch: TelemetryBatch = {
        v: 1,
        kind: "tele",
        source: worker,
        records,
        ...(dropped > 0 ? { dropped } : {}),
      };
      await bus.log.append(subject, JSON.stringify(batch), { expect: "any" });
    },
  });
  return {
    tell(records) {
      for (const record of records) batcher.add(record.kind === "log" ? { ...record, worker } : record);
    },
    stop: () => batcher.close(),
  };
}

/** About how long a record is as JSON: exact enough to cut batches, cheap enough for every line. */
function sizeOf(record: LogRecord | SpanRecord): number {
  return 240 + (record.kind === "log" ? record.message.length : record.name.length);
}
