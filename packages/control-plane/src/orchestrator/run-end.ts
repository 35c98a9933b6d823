import type { Blobs } from "@agentflow/bus";
import {
  AgentFlowError,
  type ApprovalRequested,
  type Failure,
  isInline,
  type RunAnswer,
  type RunEvent,
  type RunId,
  type StepUnknown,
  type Value,
} from "@agentflow/protocol";
import { isEnd } from "../projector/follower.ts";
import type { RunOutcome } from "./hand-on.ts";
import { parseBlobJson } from "./parse-blob.ts";

const outputBytesMax = 8 * 1024 * 1024;

export function isOutcome(event: RunEvent): event is RunOutcome["event"] {
  return event.kind === "step_unknown" || event.kind === "approval_requested" || isEnd(event);
}

/** What became of a run as its waiters get it; undefined when the output has to be fetched first. */
export function answerOf(run: RunId, { revision, event }: RunOutcome): RunAnswer | undefined {
  switch (event.kind) {
    case "run_completed":
      if (!isInline(event.output)) return undefined;
      return { run, status: "completed", revision, output: event.output.inline };
    case "run_failed":
      return { run, status: "failed", revision, failure: event.failure };
    case "run_cancelled":
      return { run, status: "cancelled", revision, failure: { code: "cancelled", message: event.reason } };
    case "step_unknown":
      return { run, status: "parked", revision, failure: outcomeUnknown(event) };
    case "approval_requested":
      return { run, status: "parked", revision, failure: waitsForApproval(run, event) };
    default:
      return undefined;
  }
}

/** `approval`: whoever waits is told which one, and what about. */
function waitsForApproval(run: RunId, { step, n, shown }: ApprovalRequested): Failure {
  const why = shown.text === undefined ? "" : `: ${shown.text}`;
  const what =
    shown.uses === "human:approve" ? "asks a person" : `waits for a person to approve ${shown.uses}`;
  const message = `step ${step} ${what}${why}`;
  return { code: "approval", message, details: { approval: `${run}-${n}`, step } };
}

function outcomeUnknown({ step, attempt, call, tool }: StepUnknown): Failure {
  if (call !== undefined) {
    const message =
      `step ${step} waits for a person: call ${call} of ${tool ?? "a tool"} was lost and cannot be ` +
      "repeated, and nobody knows whether it took effect";
    return { code: "outcome_unknown", message, details: { step, call } };
  }
  const message =
    `step ${step} waits for a person: attempt ${attempt} was lost in a call that cannot be repeated, ` +
    "and nobody knows whether it took effect";
  return { code: "outcome_unknown", message };
}

/** As `answerOf`, with a big output fetched whole. */
export async function fetchAnswer(blobs: Blobs, run: RunId, end: RunOutcome): Promise<RunAnswer> {
  const answer = answerOf(run, end);
  if (answer !== undefined || end.event.kind !== "run_completed") {
    return answer ?? { run, status: "running", revision: end.revision };
  }
  const output = await fetchValue(blobs, end.event.output);
  return { run, status: "completed", revision: end.revision, output };
}

/** A value whole, up to 8 MiB; a bigger one stays a reference. */
export async function fetchValue(blobs: Blobs, value: Value) {
  if (isInline(value)) return value.inline;
  if (value.bytes > outputBytesMax) return { blob: value.blob, bytes: value.bytes };
  const bytes = await blobs.get(value.blob);
  if (bytes !== undefined) return parseBlobJson(new TextDecoder().decode(bytes));
  throw new AgentFlowError("not_found", `the stored value ${value.blob} is missing`, {
    reason: "blob_missing",
  });
}
