/** Runs as lines of the control plane: made where they are read, nothing is written for them. */
import {
  type Failure,
  type LogRecord,
  type RunEventView,
  type RunSummary,
  failureMessage,
  failureText,
} from "@agentflow/protocol";
import type { Line } from "./line.ts";

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

/**
 * Which events become lines: all (`state`), those that travel as tasks (`bus`), always how runs begin
 * and end.
 */
export interface Extras {
  readonly state: boolean;
  readonly bus: boolean;
}

/** What an event is to its run or attempt; hidden where only the order needs it. */
export function historyLine(view: RunEventView, { state, bus }: Extras): Line {
  const record = state ? eventLine(view) : (runLine(view) ?? (bus ? taskLine(view) : undefined));
  const role = roleOf(view.event.kind);
  return record === undefined ? { record: eventLine(view), role, hidden: true } : { record, role };
}

/** A task on its way over the bus: sent, taken, answered. */
function taskLine(view: RunEventView): LogRecord | undefined {
  const text = taskText(view.event);
  return text === undefined ? undefined : { ...eventLine(view), source: "bus", name: "task", message: text };
}

function taskText(event: RunEventView["event"]): string | undefined {
  switch (event.kind) {
    case "task_dispatched":
      return `task of ${event.step} sent`;
    case "task_resent":
      return `task of ${event.step} sent again: the queue had lost it`;
    case "attempt_started":
      return `task of ${event.step} taken by ${event.worker}`;
    case "step_succeeded":
      return `result of ${event.step} came${event.worker === undefined ? "" : ` from ${event.worker}`}`;
    case "attempt_failed":
      return `failure of ${event.step} came${event.worker === undefined ? "" : ` from ${event.worker}`}`;
    case "attempt_lost":
      return `task of ${event.step} lost: ${event.reason}`;
    default:
      return undefined;
  }
}

function roleOf(kind: RunEventView["event"]["kind"]): Line["role"] {
  switch (kind) {
    case "run_started":
    case "task_dispatched":
      return "begins";
    case "step_succeeded":
    case "attempt_failed":
    case "attempt_lost":
    case "run_completed":
    case "run_failed":
    case "run_cancelled":
      return "ends";
    default:
      return "none";
  }
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
export function linesOfRun({ run, workflow, status, startedAt, endedAt, failure }: RunSummary): Line[] {
  const started: Line = { record: startLine(run, startedAt, workflow), role: "begins" };
  if (endedAt === undefined) return [started];
  const why = failure === undefined ? "" : `: ${failureMessage(failure)}`;
  const record =
    status === "failed" && failure !== undefined
      ? failedLine(run, endedAt, failure)
      : line(run, { at: endedAt, level: "info", message: `run ${status}${why}` });
  return [started, { record, role: "ends" }];
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
