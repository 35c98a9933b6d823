/** Runs as lines of the control plane: made where they are read, nothing is written for them. */
import {
  type Failure,
  type LogRecord,
  type RunEventView,
  type RunSummary,
  failureMessage,
  failureText,
  logLevels,
} from "@agentflow/protocol";
import type { TelemetryQuery } from "@agentflow/sdk/client";

/** An event of a run, whatever it is: the line's text begins with its kind. */
export function eventLine({ run, event }: RunEventView): LogRecord {
  const step = "step" in event ? event.step : undefined;
  const failure = "failure" in event ? `: ${failureText(event.failure)}` : "";
  return {
    ...line(run, {
      at: event.at,
      level: failure === "" ? "info" : "warn",
      message: `${event.kind}${failure}`,
    }),
    name: "state",
    ...(step === undefined ? {} : { step }),
    ...("attempt" in event && event.attempt !== undefined ? { attempt: event.attempt } : {}),
  };
}

/** How a run began, stopped or ended; undefined for what happened in between. */
export function runLine({ run, event }: RunEventView): LogRecord | undefined {
  const { at } = event;
  switch (event.kind) {
    case "run_started":
      return startLine(run, at, event.workflow);
    case "run_completed":
      return line(run, { at, level: "info", message: "run completed" });
    case "run_failed":
      return failedLine(run, at, event.failure);
    case "run_cancelled":
      return line(run, { at, level: "info", message: `run cancelled: ${event.reason}` });
    case "step_unknown": {
      const message = `nobody knows whether ${event.step} was done: af why ${run}`;
      return { ...line(run, { at, level: "warn", message }), step: event.step, attempt: event.attempt };
    }
    case "approval_requested": {
      const { step, n, shown } = event;
      const message = `${step} waits for a person to approve ${shown.uses}: af approvals show ${run}-${n}`;
      return { ...line(run, { at, level: "warn", message }), step };
    }
    default:
      return undefined;
  }
}

/** The same of a run as lists show it; without an end while it has none. */
export function linesOfRun({ run, workflow, status, startedAt, endedAt, failure }: RunSummary): LogRecord[] {
  const started = startLine(run, startedAt, workflow);
  if (endedAt === undefined) return [started];
  if (status === "failed" && failure !== undefined) return [started, failedLine(run, endedAt, failure)];
  const why = failure === undefined ? "" : `: ${failureMessage(failure)}`;
  return [started, line(run, { at: endedAt, level: "info", message: `run ${status}${why}` })];
}

/** The same conditions that records meet on the server. */
export function suits(record: LogRecord, asked: TelemetryQuery): boolean {
  const { level, since, until, grep } = asked;
  const atMs = Date.parse(record.at);
  if (!asksForRuns(asked)) return false;
  if (level !== undefined && rankOf(record.level) < rankOf(level)) return false;
  if (since !== undefined && atMs < Date.parse(since)) return false;
  if (until !== undefined && atMs >= Date.parse(until)) return false;
  return grep === undefined || record.message.toLowerCase().includes(grep.toLowerCase());
}

/** Whether lines of the control plane are wanted at all. */
export function asksForRuns({ source }: TelemetryQuery): boolean {
  return source === undefined || source.split(",").includes("control-plane");
}

function startLine(run: string, at: string, workflow: string): LogRecord {
  return { ...line(run, { at, level: "info", message: "run started" }), fields: { workflow } };
}

function failedLine(run: string, at: string, failure: Failure): LogRecord {
  return line(run, { at, level: "warn", message: `run failed: ${failureText(failure)}` });
}

function line(run: string, of: Pick<LogRecord, "at" | "level" | "message">): LogRecord {
  return { kind: "log", source: "control-plane", run, ...of };
}

function rankOf(level: string): number {
  return logLevels.findIndex((one) => one === level);
}
