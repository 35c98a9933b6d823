/** What a run's state means for whoever waits for it: exit code, words, colour. */
import { type Failure, type RunStatus, exitCodes } from "@agentflow/protocol";
import { type Style, type Text, bold } from "../output/text.ts";

interface Ended {
  readonly status: RunStatus;
  readonly failure?: Failure;
}

const budgetCodes = new Set(["budget_exhausted", "budget_exceeded", "quota_exceeded"]);

/** 0 also for a run that still runs: nothing went wrong. */
export function exitCodeOf(run: Ended): number {
  switch (run.status) {
    case "running":
    case "completed":
      return exitCodes.ok;
    case "cancelled":
      return exitCodes.runCancelled;
    case "parked":
      if (run.failure?.code === "approval") return exitCodes.waitsForApproval;
      return run.failure?.code === "incompatible" ? exitCodes.historyIncompatible : exitCodes.outcomeUnknown;
    default:
      return budgetCodes.has(run.failure?.code ?? "") ? exitCodes.budgetExhausted : exitCodes.runFailed;
  }
}

const styles: { readonly [Status in RunStatus]: Style } = {
  running: "cyan",
  parked: "yellow",
  completed: "green",
  failed: "red",
  cancelled: "yellow",
};

export function statusText(status: RunStatus): Text {
  return { style: styles[status], text: status };
}

const marks: { readonly [Status in RunStatus]: string } = {
  running: "…",
  parked: "?",
  completed: "✓",
  failed: "✗",
  cancelled: "■",
};

export function statusMark(status: RunStatus): Text {
  return bold({ style: styles[status], text: marks[status] });
}
