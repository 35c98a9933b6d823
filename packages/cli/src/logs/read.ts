/** Logs, spans and run events as one stream in the order of time. */
import type { LogRecord, RunAnswer, RunEventView, SpanRecord, TelemetryPage } from "@agentflow/protocol";
import { showDuration } from "@agentflow/protocol";
import type { Client, TelemetryQuery } from "@agentflow/sdk/client";
import { setTimeout as delay } from "node:timers/promises";

export interface LogPage {
  readonly records: readonly LogRecord[];
  readonly cursor: string;
  readonly dropped: number;
  readonly stateCursor: string | undefined;
}

export interface LogReading {
  readonly asked: TelemetryQuery;
  readonly tail: number;
  /** A run whose events stand between the logs. */
  readonly state: string | undefined;
}

/** The newest records that match, the oldest of them first. */
export async function readLogs(client: Client, { asked, tail, state }: LogReading): Promise<LogPage> {
  const [page, events] = await Promise.all([
    client.telemetry.query({ ...asked, limit: tail, newest: true }),
    state === undefined ? undefined : client.runs.events(state, { limit: 1_000 }),
  ]);
  const records = [...recordsOf(page), ...(events?.events ?? []).map(eventRecord)];
  return {
    records: records.sort(byTime).slice(-tail),
    cursor: page.cursor,
    dropped: page.dropped,
    stateCursor: events?.cursor,
  };
}

export interface LogFollowing {
  readonly asked: TelemetryQuery;
  readonly after: string;
  /** Ends with this run. */
  readonly run: string | undefined;
  readonly stateAfter: string | undefined;
  readonly signal: AbortSignal;
  readonly onRecord: (record: LogRecord) => void;
  readonly onDropped: (count: number) => void;
}

const pollMs = 250;
/** Telemetry leaves in batches: what a run said last arrives a little after its end. */
const lastRecordsMs = 500;

/** Goes on behind the cursor until Ctrl-C, or until the run ends: then its answer. Waits for a restart. */
export async function followLogs(client: Client, of: LogFollowing): Promise<RunAnswer | undefined> {
  let { after, stateAfter } = of;
  let dropped = 0;
  const stop = new AbortController();
  of.signal.addEventListener("abort", () => stop.abort(), { once: true });
  let answer: RunAnswer | undefined;
  const ended = of.run === undefined ? undefined : client.runs.wait(of.run, { signal: stop.signal });
  const watching = ended?.then(
    (value) => void (answer = value),
    () => undefined,
  );
  for (let last = false; !last && !of.signal.aborted; ) {
    last = answer !== undefined;
    if (last) await delay(lastRecordsMs);
    const { since: _, ...rest } = of.asked;
    const [page, events] = await Promise.all([
      client.telemetry.query({ ...rest, after, limit: 1_000 }),
      of.run === undefined || stateAfter === undefined
        ? undefined
        : client.runs.events(of.run, { after: stateAfter, limit: 1_000 }),
    ]);
    [...recordsOf(page), ...(events?.events ?? []).map(eventRecord)].sort(byTime).forEach(of.onRecord);
    if (page.dropped > dropped) of.onDropped(page.dropped - dropped);
    dropped = page.dropped;
    after = page.cursor;
    stateAfter = events?.cursor ?? stateAfter;
    const more = page.records.length === 1_000;
    if (!last && !more)
      await Promise.race([
        delay(pollMs, undefined, { signal: of.signal }).catch(() => {}),
        ...(watching ? [watching] : []),
      ]);
  }
  stop.abort();
  return answer;
}

function recordsOf(page: TelemetryPage): LogRecord[] {
  return page.records.map((record) => (record.kind === "log" ? record : spanRecord(record)));
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

/** A run's event as a record of the control plane, which decided it. */
function eventRecord({ run, event }: RunEventView): LogRecord {
  const step = "step" in event ? event.step : undefined;
  const failure = "failure" in event ? `: ${event.failure.code}: ${event.failure.message}` : "";
  return {
    kind: "log",
    at: event.at,
    level: failure === "" ? "info" : "warn",
    source: "control-plane",
    name: "state",
    message: `${event.kind}${failure}`,
    run,
    ...(step === undefined ? {} : { step }),
    ...("attempt" in event && event.attempt !== undefined ? { attempt: event.attempt } : {}),
  };
}

function byTime(a: LogRecord, b: LogRecord): number {
  return Date.parse(a.at) - Date.parse(b.at);
}
