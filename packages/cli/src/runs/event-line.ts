/** One line for what happened to a run, as it happens. */
import {
  type RunEvent,
  type RunEventView,
  showDuration,
  failureMessage,
  failureText,
} from "@agentflow/protocol";
import { type Text, bold, cyan, dim, green, pad, red, yellow } from "../output/text.ts";

/** Undefined for events that say nothing to somebody who watches. */
export function eventLine(event: RunEvent): Text | undefined {
  switch (event.kind) {
    case "task_dispatched":
      return event.attempt === 1 ? undefined : row("↻", yellow, event.step, `attempt ${event.attempt}`);
    case "attempt_failed": {
      // The last attempt's failure is the step's, whose own line follows at once.
      if (event.retryAt === undefined) return undefined;
      const again = `; again in ${untilText(event.at, event.retryAt)}`;
      const what = `attempt ${event.attempt} failed: ${failureMessage(event.failure)}${again}`;
      return row("!", yellow, event.step, what);
    }
    case "attempt_lost":
      return row(
        "!",
        yellow,
        event.step,
        `attempt ${event.attempt} was lost (${event.reason}); it is tried again`,
      );
    case "task_resent": {
      const { attempt, holder } = event;
      const what =
        holder === undefined ? "waited in a queue that restarted" : `was interrupted on ${holder.worker}`;
      return row("!", yellow, event.step, `attempt ${attempt} ${what}; it is sent again`);
    }
    case "step_expanded":
      return row("⋯", dim, event.step, `${event.count} ${event.count === 1 ? "item" : "items"}`);
    case "step_waiting":
      return row("◷", cyan, event.step, `waits ${untilText(event.at, event.until)}`);
    case "step_succeeded":
      return row("✓", green, event.step, event.ms === undefined ? "" : showDuration(event.ms));
    case "step_failed":
      return row("✗", red, event.step, failureText(event.failure));
    case "step_caught":
      return row("✓", yellow, event.step, `failed and was caught: ${failureMessage(event.failure)}`);
    case "step_skipped":
      return row(
        "–",
        dim,
        event.step,
        event.reason === "condition" ? "skipped: its condition is false" : "not needed",
      );
    case "step_cancelled":
      return row("■", yellow, event.step, `cancelled: ${event.reason}`);
    case "step_unknown":
      return row("?", yellow, event.step, `${unknownText(event)}: ${event.reason}`);
    case "approval_requested":
    case "approval_decided":
    case "call_settled":
      return personLine(event);
    case "event_emitted":
      return row("»", cyan, event.step, `${event.name} ${JSON.stringify(event.data)}`);
    case "run_started":
    case "attempt_started":
    case "run_completed":
    case "run_failed":
    case "run_cancelled":
      return undefined;
    default:
      return undefined;
  }
}

type OfPeople = Extract<RunEvent, { kind: "approval_requested" | "approval_decided" | "call_settled" }>;

/** What people are asked, and what they say. */
function personLine(event: OfPeople): Text {
  const { step } = event;
  if (event.kind === "approval_requested") {
    const { uses, text = `wants to use ${uses}` } = event.shown;
    return row("?", yellow, step, `asks a person: ${text}`);
  }
  if (event.kind === "call_settled") {
    return row("✓", green, step, `call ${event.call} is settled as ${event.as}${byText(event)}`);
  }
  if (event.approved) return row("✓", green, step, `approved${byText(event)}`);
  return row(
    "✗",
    yellow,
    step,
    event.how === "expired" ? "nobody answered in time" : `denied${byText(event)}`,
  );
}

function unknownText({ call, tool }: { readonly call?: string; readonly tool?: string }): string {
  return call === undefined ? "outcome unknown" : `outcome of call ${call} of ${tool ?? "a tool"} unknown`;
}

function byText({ by }: { readonly by?: string }): string {
  return by === undefined ? "" : ` by ${by}`;
}

function row(mark: string, paint: (text: Text) => Text, step: string, what: string): Text {
  return ["  ", bold(paint(mark)), " ", pad(step, 16), " ", dim(what)];
}

function untilText(from: string, until: string): string {
  return showDuration(Math.max(0, Date.parse(until) - Date.parse(from)));
}

/** Whether the event ends its run. */
export function isEndEvent({ event }: RunEventView): boolean {
  return event.kind === "run_completed" || event.kind === "run_failed" || event.kind === "run_cancelled";
}
