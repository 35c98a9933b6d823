/** Facts about what people are asked and what they say: folded for a step and for an item alike. */
import type {
  Answer,
  ApprovalDecided,
  ApprovalRequested,
  CallSettled,
  StepInstance,
  StepSuspended,
  StepUnknown,
} from "@agentflow/protocol";
import { type Draft, broken, writable } from "./draft.ts";
import { putTask, sinceOf, taskAt } from "./evolve-attempt.ts";
import { placeOf } from "./place.ts";
import { type AskingTask, type ItemState, type TaskState, isTask, noTries } from "./state.ts";
import { unreachable } from "./unreachable.ts";
import { useUp } from "./use-up.ts";

type PeopleEvent =
  | StepSuspended
  | ApprovalRequested
  | ApprovalDecided
  | CallSettled
  | (StepUnknown & { readonly call: string });

export function applyPeople(draft: Draft, event: PeopleEvent): void {
  const { step } = event;
  const before = taskAt(writable(draft), placeOf(step));
  switch (event.kind) {
    case "step_suspended":
      return putTask(draft, step, useUp(writable(draft), suspended(before, event), event));
    case "approval_requested":
      return requested(draft, before, event);
    case "step_unknown": {
      const task = askingOf(before, step);
      const { call, at, reason, tool, given } = event;
      const of = {
        ...(tool === undefined ? {} : { tool }),
        ...(given === undefined ? {} : { given }),
      };
      return putTask(draft, step, { ...task, calls: [...task.calls, { call, at, reason, ...of }] });
    }
    case "approval_decided":
      return decided(draft, askingOf(before, step), event);
    case "call_settled": {
      const task = askingOf(before, step);
      const calls = task.calls.filter(({ call }) => call !== event.call);
      return putTask(draft, step, answered({ ...task, calls }, answerOfCall(event)));
    }
    default:
      return unreachable(event);
  }
}

function suspended(before: ItemState | undefined, event: StepSuspended): AskingTask {
  if (before === undefined || !isTask(before)) throw broken(`${event.step} has no attempt ${event.attempt}`);
  const { since, tries } = before;
  return { kind: "asking", at: event.at, since, tries, approvals: [], calls: [] };
}

function requested(draft: Draft, before: ItemState | undefined, event: ApprovalRequested): void {
  const run = writable(draft);
  if (event.n !== run.approvals.length + 1) throw broken(`approval ${event.n} is not the next`);
  run.approvals = [...run.approvals, { kind: "open", asked: event }];
  const task = before === undefined ? unasked(event, sinceOf(run, event.step)) : askingOf(before, event.step);
  putTask(draft, event.step, { ...task, approvals: [...task.approvals, event.n] });
}

/** Nothing of the step was sent yet. */
function unasked({ at }: ApprovalRequested, since: number): AskingTask {
  return { kind: "asking", at, since, tries: noTries, approvals: [], calls: [] };
}

function decided(draft: Draft, task: AskingTask, event: ApprovalDecided): void {
  const run = writable(draft);
  const approval = run.approvals[event.n - 1];
  if (approval?.kind !== "open") throw broken(`approval ${event.n} is not open`);
  const { shown, ...asked } = approval.asked;
  run.approvals = run.approvals.with(event.n - 1, { kind: "decided", asked, decided: event });
  const left = { ...task, approvals: task.approvals.filter((n) => n !== event.n) };
  if (asked.call !== undefined) {
    return putTask(draft, event.step, answered(left, answerOfApproval(asked.call, asked.hash, event)));
  }
  const tries = { ...task.tries, approved: { input: shown.input } };
  // Denied, the step's end follows in the same commit.
  const next = event.approved ? due({ ...left, tries }) : left;
  putTask(draft, event.step, next);
}

function answered(task: AskingTask, answer: Answer): TaskState {
  const tries = { ...task.tries, answers: [...(task.tries.answers ?? []), answer] };
  const next = { ...task, tries };
  return next.approvals.length === 0 && next.calls.length === 0 ? due(next) : next;
}

function due({ since, tries }: AskingTask): TaskState {
  return { kind: "due", since, tries };
}

function askingOf(task: ItemState | undefined, step: StepInstance): AskingTask {
  if (task?.kind !== "asking") throw broken(`${step} asks nobody`);
  return task;
}

function answerOfApproval(call: string, hash: string, event: ApprovalDecided): Answer {
  const { at, approved, how, by, comment } = event;
  return {
    kind: "approval",
    call,
    at,
    approved,
    how,
    hash,
    ...(by === undefined ? {} : { by }),
    ...(comment === undefined ? {} : { comment }),
  };
}

function answerOfCall({ call, at, as, output, message, by }: CallSettled): Answer {
  return {
    kind: "resolution",
    call,
    at,
    as,
    ...(output === undefined ? {} : { output }),
    ...(message === undefined ? {} : { message }),
    ...(by === undefined ? {} : { by }),
  };
}
