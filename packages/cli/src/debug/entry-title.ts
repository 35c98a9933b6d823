/** One line for each event of a run or of a journal: what a list shows of it. */
import { type RunEvent, type TurnEvent, failureMessage, showDuration } from "@agentflow/protocol";
import type { Entry } from "./recording.ts";
import { showTokens, showUsd } from "./usage.ts";

export interface EntryTitle {
  readonly kind: string;
  readonly what: string;
  /** For the mark before it. */
  readonly tone: "good" | "bad" | "waits" | "plain";
}

export function entryTitle(entry: Entry): EntryTitle {
  const { kind } = entry.event;
  const what = entry.of === "run" ? ofRun(entry.event) : ofJournal(entry.event);
  const place = entry.step === undefined ? "" : `${entry.step}  `;
  return { kind, what: `${place}${what}`.trimEnd(), tone: toneOf(kind) };
}

function toneOf(kind: string): EntryTitle["tone"] {
  if (/_(failed|lost|unknown|refused|rejected)$/.test(kind)) return "bad";
  if (/_(waiting|suspended|asked|requested)$/.test(kind)) return "waits";
  return /_(succeeded|completed|finished|returned|replied)$/.test(kind) ? "good" : "plain";
}

function ofRun(event: RunEvent): string {
  switch (event.kind) {
    case "run_started":
      return `${event.workflow} @ ${event.version}`;
    case "task_dispatched":
    case "attempt_started":
    case "task_resent":
    case "step_suspended":
      return `attempt ${event.attempt}`;
    case "attempt_failed":
      return `attempt ${event.attempt}: ${failureMessage(event.failure)}`;
    case "attempt_lost":
    case "step_unknown":
      return `attempt ${event.attempt}: ${event.reason}`;
    case "step_failed":
    case "step_caught":
    case "run_failed":
      return failureMessage(event.failure);
    case "step_succeeded":
      return event.ms === undefined ? "" : showDuration(event.ms);
    case "step_expanded":
      return `${event.count} items`;
    case "step_waiting":
      return `until ${event.until}`;
    case "step_skipped":
    case "step_cancelled":
    case "run_cancelled":
      return event.reason;
    case "approval_requested":
      return event.shown.uses;
    case "approval_decided":
      return `${event.approved ? "approved" : "denied"}${event.by === undefined ? "" : ` by ${event.by}`}`;
    case "call_settled":
      return `${event.call} ${event.as}`;
    case "event_emitted":
      return event.name;
    default:
      return "";
  }
}

function ofJournal(event: TurnEvent): string {
  switch (event.kind) {
    case "attempt_took_over":
      return `attempt ${event.attempt} on ${event.worker}`;
    case "agent_started":
      return `${event.agent} with ${event.model}`;
    case "model_called":
      return `#${event.n} ${event.model}`;
    case "model_replied": {
      const calls = event.reply.parts.filter((part) => part.kind === "call").length;
      const asked = calls === 0 ? event.reply.finish : `${calls} ${calls === 1 ? "call" : "calls"}`;
      const usd = event.usd === undefined ? "" : ` ${showUsd(event.usd)}`;
      return `#${event.n} ${asked}  ${showTokens(event.reply.usage)} tokens${usd}`;
    }
    case "model_failed":
      return `#${event.n} ${failureMessage(event.failure)}`;
    case "model_lost":
      return `#${event.n}`;
    case "reply_rejected":
      return event.problem;
    case "call_started":
      return `${event.call} ${event.uses}`;
    case "call_asked":
      return `${event.call} ${event.tool}`;
    case "call_refused":
      return `${event.call} ${event.tool}: ${event.message}`;
    case "call_answered":
      return `${event.call} ${event.approved ? "approved" : "denied"}`;
    case "call_returned":
      return `${event.call} ${showDuration(event.ms)}`;
    case "call_failed":
      return `${event.call} ${failureMessage(event.failure)}`;
    case "call_lost":
    case "call_unknown":
      return `${event.call} ${event.reason}`;
    case "call_resolved":
      return `${event.call} ${event.as}`;
    case "handed_off":
      return `${event.call} to ${event.to}`;
    case "agent_failed":
      return failureMessage(event.failure);
    default:
      return "call" in event ? String(event["call"]) : "";
  }
}
