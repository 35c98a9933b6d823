/**
 * Logs and spans of a worker and its runners, on their way to the bus in batches. May be lost, never blocks.
 */
import type { Bus } from "@agentflow/bus";
import type { Timers } from "@agentflow/host/clock";
import { createBatcher, encodeTelemetry, redactRecord, type Secrets } from "@agentflow/host/log";
import {
  isTooDeep,
  type LogRecord,
  type SpanRecord,
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
  /** Hidden before anything waits here. */
  hidden: Secrets;
}): Telemetry {
  const { bus, timers, tenant, worker, hidden } = options;
  const subject = subjects.tele({ tenant, source: parseId("source", worker) });
  const batcher = createBatcher<string>({
    maxMs: 100,
    maxBytes: 64 * 1024,
    timers,
    // What user code attaches is most of a record's length, and only its text tells.
    sizeOf: (line) => line.length + 1,
    async send(lines, { dropped }) {
      await bus.log.append(subject, encodeTelemetry(lines, { source: worker, dropped }), { expect: "any" });
    },
  });
  return {
    tell(records) {
      for (const given of records) {
        const record = redactRecord(given, hidden);
        const line = JSON.stringify(record.kind === "log" ? { ...record, worker } : record);
        // Whoever stores it writes it once more, and has only so much stack.
        if (!isTooDeep(line)) batcher.add(line);
      }
    },
    stop: () => batcher.close(),
  };
}
