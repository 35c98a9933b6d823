/** What a run is between two inputs. Folded from events alone; every shape is whole, none is half filled. */
import type {
  Answer,
  ApprovalDecided,
  ApprovalRequested,
  Failure,
  InputId,
  Instant,
  Json,
  RunCancelled,
  RunCompleted,
  RunFailed,
  RunStarted,
  StepId,
  TaskBudget,
  TaskResent,
  UsageTotals,
  Value,
  WorkerId,
} from "@agentflow/protocol";

export type RunState = AbsentRun | ActiveRun | EndedRun;

/** No commit of the run exists. */
export interface AbsentRun {
  readonly kind: "absent";
}

interface RunFacts {
  readonly started: RunStarted;
  /** Steps that have left `blocked`; a step that is not here waits for others. */
  readonly steps: ReadonlyMap<StepId, StepState>;
  /** Ids of client inputs that were accepted: the same again is a repeat. */
  readonly inputs: ReadonlySet<InputId>;
  /** Events folded so far. What a step sees is cut off at the number it was opened at. */
  readonly seq: number;
  readonly dispatched: number;
  /** Every approval that was asked for: number n stands at n - 1. */
  readonly approvals: readonly ApprovalState[];
  /** What models and tools of the run have used up, as far as it was told. */
  readonly usage?: UsageTotals;
}

/** What was shown is kept until it is answered; of a step's own approval, in its `Tries` until it ends. */
export type ApprovalState =
  | { readonly kind: "open"; readonly asked: ApprovalRequested }
  | {
      readonly kind: "decided";
      readonly asked: Omit<ApprovalRequested, "shown">;
      readonly decided: ApprovalDecided;
    };

export interface ActiveRun extends RunFacts {
  readonly kind: "active";
  /** Steps that were opened and have not ended. */
  readonly open: number;
}

export interface EndedRun extends RunFacts {
  readonly kind: "ended";
  readonly end: RunCompleted | RunFailed | RunCancelled;
}

/** The attempts of one step instance: enough to know a repeated result from an unknown one. */
export interface Tries {
  /** Number of the newest attempt; 0 before the first. */
  readonly attempt: number;
  readonly failed: number;
  /** Attempts that ended without a result: lost, or taken back. */
  readonly lost: readonly number[];
  /** What its models and tools have used up, all attempts together. */
  readonly usage?: UsageTotals;
  /** What people said about its calls; gone once the step has ended. */
  readonly answers?: readonly Answer[];
  /** The input that a person approved: every attempt has exactly this. */
  readonly approved?: { readonly input: Json };
}

export type StepState = OpenStep | EndedStep;
export type OpenStep = TaskState | WaitingStep | ExpandedStep | CatchingStep;
/** A step instance that is, or will be again, with a worker. */
export type TaskState = RunningTask | SleepingTask | DueTask | UnknownTask | AskingTask;
export type ItemState = TaskState | SucceededStep | FailedStep | CancelledStep;
export type EndedStep = SucceededStep | CaughtStep | FailedStep | SkippedStep | CancelledStep;

interface Opened {
  /** The run's `seq` when the step was opened: its expressions see nothing newer, however late they run. */
  readonly since: number;
}

interface Tried {
  readonly tries: Tries;
}

interface Ended extends Tried {
  readonly seq: number;
  /** The attempts of a forEach step's items, for results that come late. */
  readonly items?: readonly (Tries | undefined)[];
}

export interface RunningTask extends Opened, Tried {
  readonly kind: "running";
  /** When the attempt was dispatched. */
  readonly at: Instant;
  readonly input: InputId;
  readonly n: number;
  /** The worker that said an irreversible call begins, and the input by which it said so. */
  readonly worker?: WorkerId;
  readonly announced?: InputId;
  /** What it may use up, its earlier attempts included. */
  readonly budget?: TaskBudget;
  /** The queue lost its task, and it was sent again: the last time that this happened. */
  readonly resent?: TaskResent;
}

/** Between a failed attempt and the next. */
export interface SleepingTask extends Opened, Tried {
  readonly kind: "sleeping";
  readonly at: Instant;
  readonly failure: Failure;
  readonly until: Instant;
}

/** The next attempt is owed: the last one was lost, or people have answered what it asked. */
export interface DueTask extends Opened, Tried {
  readonly kind: "due";
}

export interface UnknownTask extends Opened, Tried {
  readonly kind: "unknown";
  readonly at: Instant;
  readonly reason: string;
}

/** Waits for people: before its first attempt, or between two attempts of an agent. */
export interface AskingTask extends Opened, Tried {
  readonly kind: "asking";
  readonly at: Instant;
  /** Numbers of its approvals that are open. */
  readonly approvals: readonly number[];
  /** Calls whose outcome nobody knows. */
  readonly calls: readonly UnknownCall[];
}

export interface UnknownCall {
  readonly call: string;
  readonly at: Instant;
  readonly reason: string;
  readonly tool?: string;
  readonly given?: Json;
}

export interface WaitingStep extends Opened {
  readonly kind: "waiting";
  readonly at: Instant;
  readonly until: Instant;
}

export interface ExpandedStep extends Opened {
  readonly kind: "expanded";
  readonly count: number;
  readonly items: readonly (ItemState | undefined)[];
  /** The first item that was never dispatched. */
  readonly next: number;
  /** Items opened and not ended. */
  readonly active: number;
  readonly done: number;
  /** Items that wait for their next attempt after a loss. */
  readonly due: number;
}

/** Failed, and its handler step has been called. */
export interface CatchingStep extends Opened {
  readonly kind: "catching";
  readonly failure: Failure;
  readonly handler: StepId;
  readonly tries: Tries;
  readonly items?: readonly (Tries | undefined)[];
}

export interface SucceededStep extends Ended {
  readonly kind: "succeeded";
  readonly output: Value;
  readonly selected?: Json;
  /** The output is a list in which items stand by reference. */
  readonly holdsRefs?: true;
}

/** Failed, but its catch gave an output: counts as succeeded. */
export interface CaughtStep extends Ended {
  readonly kind: "caught";
  readonly failure: Failure;
  readonly output: Value;
  readonly selected?: Json;
}

export interface FailedStep extends Ended {
  readonly kind: "failed";
  readonly failure: Failure;
}

export interface SkippedStep extends Ended {
  readonly kind: "skipped";
  readonly reason: "condition" | "not_needed";
}

export interface CancelledStep extends Ended {
  readonly kind: "cancelled";
  readonly reason: string;
}

export const emptyRun: RunState = { kind: "absent" };

export const noTries: Tries = { attempt: 0, failed: 0, lost: [] };

export function isEnded(state: StepState): state is EndedStep {
  switch (state.kind) {
    case "succeeded":
    case "caught":
    case "failed":
    case "skipped":
    case "cancelled":
      return true;
    default:
      return false;
  }
}

export function isTask(state: StepState): state is TaskState {
  return "tries" in state && "since" in state && state.kind !== "catching";
}

/** What is kept of attempts once their step has ended. */
export function pastTries({ attempt, failed, lost, usage }: Tries): Tries {
  return usage === undefined ? { attempt, failed, lost } : { attempt, failed, lost, usage };
}

/** What became of an attempt that is not the open one. */
export function pastAttempt(tries: Tries, attempt: number): "settled" | "lost" | "never" {
  if (attempt < 1 || attempt > tries.attempt) return "never";
  return tries.lost.includes(attempt) ? "lost" : "settled";
}
