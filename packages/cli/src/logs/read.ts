/** Logs, spans and runs as one stream in the order of time. */
import type { LogRecord, RunAnswer, RunEventView, RunSummary, SpanRecord } from "@agentflow/protocol";
import { showDuration } from "@agentflow/protocol";
import type { Client, StreamItem, TelemetryQuery, TelemetryRecord } from "@agentflow/sdk/client";
import { setTimeout as delay } from "node:timers/promises";
import { inOrder } from "./in-order.ts";
import { asksForRuns, eventLine, linesOfRun, runLine, suits } from "./run-lines.ts";

export interface LogReading {
  readonly asked: TelemetryQuery;
  /** Every event of the run between the logs, not only how it began and ended. */
  readonly state: boolean;
}

export interface LogPage {
  readonly records: readonly LogRecord[];
  readonly dropped: number;
  /** Where to go on. */
  readonly place: LogPlace;
}

export interface LogPlace {
  readonly after: string;
  readonly eventsBehind?: number;
}

const runsMax = 500;

/** The newest records that match, the oldest of them first. */
export async function readLogs(client: Client, of: LogReading & { readonly tail: number }): Promise<LogPage> {
  const { asked, tail } = of;
  const { run } = asked;
  const [page, events, runs] = await Promise.all([
    client.telemetry.query({ ...asked, limit: tail, newest: true }),
    run === undefined ? undefined : client.runs.events(run, { limit: 1_000 }),
    run === undefined && asksForRuns(asked)
      ? client.runs.list({ limit: Math.min(tail, runsMax) })
      : undefined,
  ]);
  const lines = [...linesOfEvents(of, events?.events ?? []), ...linesOfRuns(of, runs?.runs ?? [])];
  const records = [...page.records.map(recordOf), ...lines];
  return {
    records: records.sort((a, b) => Date.parse(a.at) - Date.parse(b.at)).slice(-tail),
    dropped: page.dropped,
    place: {
      after: placeOf(page.cursor, events?.cursor ?? runs?.place),
      // A server that gives no place has one log, where a revision is one.
      ...(runs === undefined || runs.place !== undefined ? {} : { eventsBehind: runs.revision }),
    },
  };
}

/** Both parts of a cursor: of records, and of events where there are some. */
function placeOf(records: string, events: string | undefined): string {
  return events === undefined ? records : `${records}~${events}`;
}

export interface LogFollowing extends LogReading {
  readonly place: LogPlace;
  readonly signal: AbortSignal;
  readonly onRecord: (record: LogRecord) => void;
  readonly onDropped: (count: number) => void;
  /** The connection was lost; it is made again behind what was shown last. */
  readonly onLost: () => void;
}

/** Telemetry leaves in batches: what a run said last arrives a little after its end. */
const lastRecordsMs = 500;

/** Goes on from the place, by push, until Ctrl-C or until the run ends: then its answer. */
export async function followLogs(client: Client, of: LogFollowing): Promise<RunAnswer | undefined> {
  const { asked, state, place, signal } = of;
  const { since: _, limit: _limit, newest: _newest, ...query } = asked;
  const stop = new AbortController();
  const leave = (): void => stop.abort();
  signal.addEventListener("abort", leave, { once: true });
  const end = asked.run === undefined ? undefined : endOf(client, asked.run, stop);
  const ordered = inOrder(of.onRecord);
  const events = asksForRuns(asked) ? ({ events: state ? "all" : "runs" } as const) : {};
  let isLost = false;
  const onLost = (): void => {
    if (!isLost) of.onLost();
    isLost = true;
  };
  try {
    const asking = { ...query, ...place, ...events };
    for await (const item of client.telemetry.stream(asking, { signal: stop.signal, onLost })) {
      isLost = false;
      for (const record of linesOf(of, item)) ordered.add(record);
      if (item.kind === "dropped") of.onDropped(item.count);
    }
  } finally {
    ordered.flush();
    stop.abort();
    signal.removeEventListener("abort", leave);
  }
  return end;
}

/** The run's answer once it has ended, and then the end of the stream a little later. */
async function endOf(client: Client, run: string, stop: AbortController): Promise<RunAnswer | undefined> {
  try {
    const answer = await client.runs.wait(run, { signal: stop.signal });
    await delay(lastRecordsMs, undefined, { signal: stop.signal });
    stop.abort();
    return answer;
  } catch {
    // Left, or lost for good: the stream says which.
    return undefined;
  }
}

function linesOf(of: LogReading, item: StreamItem): LogRecord[] {
  if (item.kind === "record") return [recordOf(item.record)];
  return item.kind === "event" ? linesOfEvents(of, [item.event]) : [];
}

function linesOfEvents({ asked, state }: LogReading, events: readonly RunEventView[]): LogRecord[] {
  const lines = events.flatMap((event) => (state ? eventLine(event) : (runLine(event) ?? [])));
  return lines.filter((record) => suits(record, asked));
}

function linesOfRuns({ asked }: LogReading, runs: readonly RunSummary[]): LogRecord[] {
  return runs.flatMap(linesOfRun).filter((record) => suits(record, asked));
}

function recordOf(record: TelemetryRecord): LogRecord {
  return record.kind === "log" ? record : spanRecord(record);
}

/** A span as the line it ends with. */
function spanRecord(span: SpanRecord): LogRecord {
  const at = new Date(Date.parse(span.startedAt) + span.ms).toISOString();
  return {
    kind: "log",
    at,
    level: span.ok ? "info" : "error",
    source: "tool",
    message: `span ${span.name} took ${showDuration(span.ms)}${span.ok ? "" : " and failed"}`,
    trace: span.trace,
    span: span.span,
    ...(span.run === undefined ? {} : { run: span.run }),
    ...(span.step === undefined ? {} : { step: span.step }),
    ...(span.attempt === undefined ? {} : { attempt: span.attempt }),
  };
}
