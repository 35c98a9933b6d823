/** A commit while it is being made: the draft, the facts so far, and what they call for next. */
import type {
  CommitInput,
  Instant,
  RunCommand,
  RunEvent,
  RunId,
  RunInput,
  StepId,
  StepInstance,
} from "@agentflow/protocol";
import type { PreparedPlan, PreparedStep } from "../plan/prepare.ts";
import { type Draft, type MutableRun, writable } from "./draft.ts";
import { apply } from "./evolve.ts";
import { runLimits } from "./limits.ts";
import { isItem, placeOf } from "./place.ts";
import { roughBytes } from "./sizes.ts";

export interface Work {
  readonly plan: PreparedPlan;
  readonly run: RunId;
  /** SHA-256 in lower-case hex. */
  readonly hash: (text: string) => string;
  readonly draft: Draft;
  readonly events: RunEvent[];
  readonly commands: RunCommand[];
  readonly inputs: CommitInput[];
  /** The input that is being decided. */
  input: RunInput;
  dispatches: number;
  bytes: number;
  /** Steps that may have become ready. */
  readonly candidates: Set<PreparedStep>;
  /** forEach steps with room for another item, or without any left. */
  readonly expanding: Set<StepId>;
  /** Handlers that have ended, whose step must end too. */
  readonly handled: StepId[];
  /** Something is ready that this commit has no room for. */
  cut: boolean;
}

export function newWork(plan: PreparedPlan, given: Pick<Work, "run" | "hash" | "draft" | "input">): Work {
  return {
    plan,
    ...given,
    events: [],
    commands: [],
    inputs: [],
    dispatches: 0,
    bytes: 0,
    candidates: new Set(),
    expanding: new Set(),
    handled: [],
    cut: false,
  };
}

/** Records a fact, folds it, and notes who may go on because of it. */
export function emit(work: Work, event: RunEvent): void {
  work.events.push(event);
  apply(work.draft, event);
  if ("output" in event && event.output !== undefined) work.bytes += roughBytes(event.output);
  const ends =
    event.kind === "step_succeeded" || event.kind === "step_skipped" || event.kind === "step_failed";
  if (ends || (event.kind === "step_caught" && event.output !== undefined)) noteEnd(work, event.step);
}

export function isActive(work: Work): boolean {
  return work.draft.run.kind === "active";
}

/** The run that goes on; asking for it after it has ended is a bug. */
export function runOf(work: Work): MutableRun {
  return writable(work.draft);
}

export function nowOf(work: Work): Instant {
  return work.input.at;
}

/** No room for another task: the rest waits for a `continue`. */
export function isFull(work: Work): boolean {
  return work.dispatches >= runLimits.dispatchesPerCommitMax || work.bytes > runLimits.commitBytesMax;
}

function noteEnd(work: Work, instance: StepInstance): void {
  const { id } = placeOf(instance);
  if (isItem(instance)) {
    work.expanding.add(id);
    return;
  }
  const step = work.plan.steps.get(id);
  if (step === undefined) return;
  for (const dependent of step.dependents) work.candidates.add(dependent);
  if (step.handlerOf !== undefined) work.handled.push(id);
}
