import {
  type ApprovalDecided,
  type ApprovalInput,
  type Failure,
  type Json,
  type StepInstance,
} from "@agentflow/protocol";
import { checkClientInput } from "./client-input.ts";
import { taskAt } from "./evolve-attempt.ts";
import { failInstance } from "./fail.ts";
import { placeOf } from "./place.ts";
import { redispatch } from "./redispatch.ts";
import type { ApprovalState } from "./state.ts";
import { isOpenApproval } from "./people.ts";
import { type Verdict, accepted, refuse, refuseAbsent, repeated } from "./verdict.ts";
import { type Work, emit, nowOf, runOf } from "./work.ts";

/** A person approves or denies; what they were shown must be what stands there, and nobody else decided. */
export function decideApproval(work: Work, input: ApprovalInput): Verdict {
  const known = checkClientInput(work, input.id);
  if (known !== undefined) return known;
  const { run } = work.draft;
  const n = numberOf(work, input.approval);
  const approval = run.kind === "absent" ? undefined : run.approvals[n - 1];
  if (approval === undefined)
    return refuseAbsent("approval_unknown", `there is no approval ${input.approval}`);
  if (approval.kind === "decided") return refuse("approval_decided", toldOf(approval.decided));
  if (run.kind !== "active" || !isOpenApproval(run, approval)) {
    return refuse("approval_withdrawn", "the step ended before anybody answered: there is nothing to decide");
  }
  const { asked } = approval;
  if (asked.expiresAt <= input.at) {
    return refuse(
      "approval_decided",
      `nobody answered in time: it expired at ${asked.expiresAt} and counts as denied`,
    );
  }
  if (asked.hash !== input.hash) return refuse("approval_changed", changed(input, approval));
  answer(work, approval, {
    approved: input.approve,
    how: "person",
    ...(input.by === undefined ? {} : { by: input.by }),
    ...(input.comment === undefined ? {} : { comment: input.comment }),
  });
  return accepted;
}

/** Nobody answered in time: it counts as denied. */
export function expireApproval(work: Work, n: number): Verdict {
  const run = runOf(work);
  const approval = run.approvals[n - 1];
  if (approval?.kind !== "open" || !isOpenApproval(run, approval)) return repeated;
  answer(work, approval, { approved: false, how: "expired" });
  return accepted;
}

/** Who decided what and when, for whoever comes late. */
export function toldOf({ approved, how, by, at, comment }: ApprovalDecided): string {
  if (how === "expired") return `nobody answered in time: it expired at ${at} and counts as denied`;
  const who = by === undefined ? "" : ` by ${by}`;
  const why = comment === undefined ? "" : `: ${comment}`;
  return `it was ${approved ? "approved" : "denied"}${who} at ${at}${why}`;
}

function numberOf({ run }: Work, approval: string): number {
  const end = approval.startsWith(`${run}-`) ? approval.slice(run.length + 1) : "";
  return /^[1-9][0-9]{0,8}$/.test(end) ? Number(end) : 0;
}

function changed({ approval, hash }: ApprovalInput, { asked }: OpenApproval): string {
  return (
    `what was approved (${hash.slice(0, 12)}) is not what is asked: ${asked.shown.uses} of step ` +
    `${asked.step} (${asked.hash.slice(0, 12)}); look at it again with af approvals show ${approval}`
  );
}

type OpenApproval = ApprovalState & { kind: "open" };
type Said = Pick<ApprovalDecided, "approved" | "how" | "by" | "comment">;

function answer(work: Work, { asked }: OpenApproval, said: Said): void {
  const { step, n } = asked;
  const event: ApprovalDecided = { kind: "approval_decided", at: nowOf(work), step, n, ...said };
  emit(work, event);
  if (asked.call !== undefined) return goOn(work, step);
  if (asked.shown.uses === "human:approve") {
    return emit(work, { kind: "step_succeeded", at: event.at, step, output: { inline: outputOf(event) } });
  }
  if (said.approved) return goOn(work, step);
  failInstance(work, step, deniedBy(event));
}

/** All that the step asked is answered: it is sent, with what people said. */
export function goOn(work: Work, step: StepInstance): void {
  if (taskAt(runOf(work), placeOf(step))?.kind === "due") redispatch(work, step);
}

function outputOf({ approved, how, by, comment, at }: ApprovalDecided): Json {
  return { approved, how, by: by ?? null, comment: comment ?? null, at };
}

function deniedBy(event: ApprovalDecided): Failure {
  const { how, by, comment, at } = event;
  const details = { at, ...(by === undefined ? {} : { by }), ...(comment === undefined ? {} : { comment }) };
  if (how === "expired") return { code: "approval_expired", message: toldOf(event), details };
  return { code: "approval_denied", message: toldOf(event), details };
}
