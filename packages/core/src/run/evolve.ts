/** Facts are folded here and nowhere else; `decide` uses the same functions on its draft. */
import type { Commit, InputId, RunCompleted, RunEvent, RunFailed } from "@agentflow/protocol";
import type { RunCancelled } from "@agentflow/protocol";
import { type Draft, begin, draftOf, writable } from "./draft.ts";
import { applyAttempt } from "./evolve-attempt.ts";
import { applyPeople } from "./evolve-people.ts";
import { applyStep } from "./evolve-step.ts";
import { type RunState, emptyRun } from "./state.ts";
import { unreachable } from "./unreachable.ts";

/** The state after one more fact; the state given is left as it was. */
export function evolve(state: RunState, event: RunEvent): RunState {
  const draft = draftOf(state);
  apply(draft, event);
  return draft.run;
}

/** The state after a commit: its events, and the client inputs it accepted. */
export function evolveCommit(state: RunState, commit: Commit): RunState {
  const draft = draftOf(state);
  applyCommit(draft, commit);
  return draft.run;
}

/** The state that all commits of a run lead to, from the first on. */
export function fold(commits: Iterable<Commit>): RunState {
  const draft = draftOf(emptyRun);
  for (const commit of commits) applyCommit(draft, commit);
  return draft.run;
}

function applyCommit(draft: Draft, commit: Commit): void {
  for (const event of commit.events) apply(draft, event);
  for (const input of commit.inputs) {
    if (input.refused === undefined && isClientInput(input.kind)) remember(draft, input.id);
  }
}

export function isClientInput(kind: string): boolean {
  return kind === "cancel" || kind === "resolve" || kind === "approval";
}

/** Keeps the id of a client's input: the same again is a repeat. A start is known by its fingerprint. */
export function remember(draft: Draft, id: InputId): void {
  const { run } = draft;
  if (run.kind === "absent" || run.inputs.has(id)) return;
  draft.run = { ...run, inputs: new Set(run.inputs).add(id) };
}

export function apply(draft: Draft, event: RunEvent): void {
  switch (event.kind) {
    case "run_started":
      return begin(draft, event);
    case "run_completed":
    case "run_failed":
    case "run_cancelled":
      return end(draft, event);
    case "task_dispatched":
    case "task_resent":
    case "attempt_started":
    case "attempt_failed":
    case "attempt_lost":
      applyAttempt(draft, event);
      break;
    case "step_unknown":
      if (event.call === undefined) applyAttempt(draft, event);
      else applyPeople(draft, { ...event, call: event.call });
      break;
    case "step_expanded":
    case "step_waiting":
    case "step_succeeded":
    case "step_failed":
    case "step_caught":
    case "step_skipped":
    case "step_cancelled":
      applyStep(draft, event);
      break;
    case "step_suspended":
    case "approval_requested":
    case "approval_decided":
    case "call_settled":
      applyPeople(draft, event);
      break;
    case "event_emitted":
      break;
    default:
      return unreachable(event);
  }
  writable(draft).seq++;
}

function end(draft: Draft, event: RunCompleted | RunFailed | RunCancelled): void {
  const { open: _none, ...facts } = writable(draft);
  draft.run = { ...facts, kind: "ended", seq: facts.seq + 1, end: event };
}
