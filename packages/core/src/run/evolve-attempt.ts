import type {
  AttemptFailed,
  AttemptLost,
  AttemptStarted,
  StepInstance,
  StepUnknown,
  TaskDispatched,
  TaskResent,
} from "@agentflow/protocol";
import { type Draft, type MutableRun, broken, putItem, putStep, writable } from "./draft.ts";
import { type Place, placeOf } from "./place.ts";
import {
  type ActiveRun,
  type ItemState,
  type TaskState,
  type Tries,
  isTask,
  noTries,
  pastTries,
} from "./state.ts";
import { unreachable } from "./unreachable.ts";
import { useUp } from "./use-up.ts";

type AttemptEvent = TaskDispatched | TaskResent | AttemptStarted | AttemptFailed | AttemptLost | StepUnknown;

/** Facts about one attempt, of a step or of an item: the walk is the same. */
export function applyAttempt(draft: Draft, event: AttemptEvent): void {
  const run = writable(draft);
  const place = placeOf(event.step);
  const before = taskAt(run, place);
  const next = useUp(run, nextTask(run, before, event), event);
  if (event.kind === "task_dispatched") run.dispatched++;
  putTask(draft, event.step, next);
}

/** The attempt's state of a step or item, if it has one. */
export function taskAt(run: Pick<ActiveRun, "steps">, place: Place): ItemState | undefined {
  const state = run.steps.get(place.id);
  if (place.item === undefined) return state !== undefined && isTask(state) ? state : undefined;
  return state?.kind === "expanded" ? state.items[place.item] : undefined;
}

export function putTask(draft: Draft, step: StepInstance, next: ItemState): void {
  const place = placeOf(step);
  if (place.item !== undefined) return putItem(draft, place.id, { item: place.item, next });
  if (next.kind === "cancelled") throw broken(`${step} is cancelled as a whole`);
  putStep(writable(draft), place.id, next);
}

function nextTask(run: MutableRun, before: ItemState | undefined, event: AttemptEvent): ItemState {
  if (event.kind === "task_dispatched") return dispatched(run, before, event);
  if (before === undefined || !isTask(before)) throw broken(`${event.step} has no attempt ${event.attempt}`);
  switch (event.kind) {
    case "task_resent":
      if (before.kind !== "running") throw broken(`${event.step} is not running`);
      return { ...before, resent: event };
    case "attempt_started":
      if (before.kind !== "running") throw broken(`${event.step} is not running`);
      return {
        ...before,
        worker: event.worker,
        ...(event.input === undefined ? {} : { announced: event.input }),
      };
    case "attempt_failed":
      return failed(run, before, event);
    case "attempt_lost":
      return { kind: "due", since: before.since, tries: withLoss(before.tries, event.attempt) };
    case "step_unknown":
      return unknown(before, event);
    default:
      return unreachable(event);
  }
}

function dispatched(run: MutableRun, before: ItemState | undefined, event: TaskDispatched): TaskState {
  const open = before !== undefined && isTask(before) ? before : undefined;
  const tries = open?.tries ?? noTries;
  const { at, input, n, attempt, budget } = event;
  const since = open?.since ?? sinceOf(run, event.step);
  const base = { kind: "running", at, since, tries: { ...tries, attempt }, input, n } as const;
  return budget === undefined ? base : { ...base, budget };
}

/** Items see what their step saw when it was opened. */
export function sinceOf(run: MutableRun, step: StepInstance): number {
  const { id, item } = placeOf(step);
  const parent = item === undefined ? undefined : run.steps.get(id);
  return parent?.kind === "expanded" ? parent.since : run.seq;
}

function failed(run: MutableRun, before: TaskState, event: AttemptFailed): ItemState {
  const tries = { ...before.tries, failed: before.tries.failed + 1 };
  const { at, failure, retryAt } = event;
  if (retryAt === undefined) return { kind: "failed", failure, tries: pastTries(tries), seq: run.seq };
  return { kind: "sleeping", at, failure, since: before.since, tries, until: retryAt };
}

function unknown(before: TaskState, event: StepUnknown): TaskState {
  const { since, tries } = before;
  return { kind: "unknown", since, tries, at: event.at, reason: event.reason };
}

function withLoss(tries: Tries, attempt: number): Tries {
  return { ...tries, lost: [...tries.lost, attempt] };
}
