/**
 * Logs and spans of a worker and its runners, on their way to the bus in batches. May be lost, never blocks.
 */
import type { Bus } from "@agentflow/bus";
import type { World } from "@agentflow/host/clock";
import {
  createBatcher,
  createNumbering,
  encodeTelemetry,
  numbered,
  redactRecord,
  type Secrets,
} from "@agentflow/host/log";
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
  world: World;
  tenant: TenantId;
  worker: WorkerId;
  /** Hidden before anything waits here. */
  hidden: Secrets;
  /** Told each record too, as one line of JSON, before it waits for its batch. */
  print?: ((line: string) => void) | undefined;
}): Telemetry {
  const { bus, world, tenant, worker, hidden, print } = options;
  const { timers, clock } = world;
  const numbering = createNumbering(`${worker}/runs`, clock.now());
  const subject = subjects.tele({ tenant, source: parseId("source", worker) });
  const batcher = createBatcher<string>({
    maxMs: 100,
    maxBytes: 64 * 1024,
    burstBytes: 384 * 1024,
    maxItems: 2_000,
    // Some seconds of 10,000 lines a second: as long as a server of the bus takes to come back.
    backlogBytesMax: 16 * 1024 * 1024,
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
        // Numbers are this worker's: what user code said of them is left out.
        const { writer: _, seq: _seq, ...said } = record;
        const text = JSON.stringify(said.kind === "log" ? { ...said, worker } : said);
        // Whoever stores it writes it once more, and has only so much stack.
        if (isTooDeep(text)) continue;
        const line = `{${numbered(numbering)}${text.slice(1)}`;
        print?.(line);
        batcher.add(line);
      }
    },
    stop: () => batcher.close(),
  };
}
