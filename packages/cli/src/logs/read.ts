/** Logs, spans and runs as one stream in the order of causes and time. */
import type { LogRecord, RunEventView, RunSummary, SpanRecord } from "@agentflow/protocol";
import { showDuration } from "@agentflow/protocol";
import type { Client, StreamItem, TelemetryRecord } from "@agentflow/sdk/client";
import { asksForRuns, type Conditions, suits } from "./conditions.ts";
import { eventsOf } from "./history.ts";
import { type Line, lineOf } from "./line.ts";
import { Merge } from "./merge.ts";
import { type Extras, historyLine, linesOfRun } from "./run-lines.ts";
import { Seen } from "./seen.ts";

export interface LogReading {
  readonly conditions: Conditions;
  /** Which events of runs stand between the logs. */
  readonly extras: Extras;
}

export interface LogPage {
  readonly records: readonly LogRecord[];
  /** Where to go on, and what was shown. */
  readonly place: LogPlace;
  readonly seen: Seen;
}

export interface LogPlace {
  readonly after: string;
  readonly eventsBehind?: number;
}

const runsMax = 500;
const pageMax = 1_000;

export interface LogAsking extends LogReading {
  readonly tail: number;
  /** Records from elsewhere that match too. */
  readonly others?: readonly LogRecord[];
  /** What was shown already. */
  readonly seen?: Seen;
}

/** The newest records that match, the first of them first. */
export async function readLogs(client: Client, of: LogAsking): Promise<LogPage> {
  const { tail, conditions, others = [], seen = new Seen() } = of;
  const { asked } = conditions;
  const { run } = asked;
  const wantsRuns = asksForRuns(asked, of.extras);
  const limit = Math.min(Math.max(tail, 1), pageMax);
  const [page, events, runs] = await Promise.all([
    client.telemetry.query({ ...asked, limit, newest: true }),
    run === undefined ? undefined : eventsOf(client.runs, run),
    run === undefined && wantsRuns && asked.previous !== true
      ? client.runs.list({ limit: Math.min(limit, runsMax) })
      : undefined,
  ]);
  const told = page.records.map(recordOf).filter((record) => seen.take(record));
  const histories = [...linesOfEvents(of, events?.events ?? []), ...linesOfRuns(of, runs?.runs ?? [])];
  const records = inOrder(histories, [...told, ...others]);
  const place = {
    after: placeOf(page.cursor, events?.cursor ?? runs?.place),
    // A server that gives no place has one log, where a revision is one.
    ...(runs === undefined || runs.place !== undefined ? {} : { eventsBehind: runs.revision }),
  };
  return { records: tail === 0 ? [] : records.slice(-tail), place, seen };
}

/** All of them, in the order of causes and time. */
export function inOrder(histories: readonly Line[], records: readonly LogRecord[]): LogRecord[] {
  const merge = new Merge();
  const told = records.map(lineOf);
  // The corrections of clocks are known before the first line is put in its place: causes, what was said,
  // ends. Each history goes in as it stands: that is its order.
  for (const line of histories) if (line.role !== "ends") merge.learn(line);
  for (const line of told) merge.learn(line);
  for (const line of histories) if (line.role === "ends") merge.learn(line);
  for (const line of histories) merge.add(line);
  for (const line of told) merge.add(line);
  const out: LogRecord[] = [];
  merge.take(Number.POSITIVE_INFINITY, ({ record, hidden }) => {
    if (hidden === undefined) out.push(record);
  });
  return out;
}

/** Both parts of a cursor: of records, and of events where there are some. */
function placeOf(records: string, events: string | undefined): string {
  return events === undefined ? records : `${records}~${events}`;
}

export function linesOf(of: LogReading, item: StreamItem): readonly Line[] {
  switch (item.kind) {
    case "records":
      return item.records.map((record) => lineOf(recordOf(record)));
    case "record":
      return [lineOf(recordOf(item.record))];
    case "event":
      return linesOfEvents(of, [item.event]);
    default:
      return [];
  }
}

function linesOfEvents(of: LogReading, events: readonly RunEventView[]): Line[] {
  return events.map((event) => asAsked(historyLine(event, of.extras), of));
}

function linesOfRuns(of: LogReading, runs: readonly RunSummary[]): Line[] {
  return runs.flatMap(linesOfRun).map((line) => asAsked(line, of));
}

/** A line that is not asked for stays where the order needs it. */
function asAsked(line: Line, { conditions }: LogReading): Line {
  return suits(line.record, conditions) ? line : { ...line, hidden: true };
}

function recordOf(record: TelemetryRecord): LogRecord {
  return record.kind === "log" ? record : spanRecord(record);
}

/** A span as the line it ends with. */
function spanRecord(span: SpanRecord): LogRecord {
  const at = new Date(Date.parse(span.startedAt) + span.ms).toISOString();
  const { run, step, attempt, writer, seq } = span;
  return {
    kind: "log",
    at,
    level: span.ok ? "info" : "error",
    source: "tool",
    message: `span ${span.name} took ${showDuration(span.ms)}${span.ok ? "" : " and failed"}`,
    trace: span.trace,
    span: span.span,
    ...(run === undefined ? {} : { run }),
    ...(step === undefined ? {} : { step }),
    ...(attempt === undefined ? {} : { attempt }),
    ...(writer === undefined ? {} : { writer }),
    ...(seq === undefined ? {} : { seq }),
  };
}
