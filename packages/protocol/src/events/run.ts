/** Events of a run, version 1. Facts, past tense, never edited; a new kind needs a new fold everywhere. */
import type { SandboxApplied } from "../sandbox.ts";
import type { BuildId, DefinitionHash, InputId, StepId, StepInstance, WorkerId } from "../ids.ts";
import type { Shown } from "../agent.ts";
import type { Failure } from "../errors.ts";
import type { Instant, Json, Value } from "../json.ts";
import type { UsageTotals } from "../model.ts";
import type { TaskBudget } from "../task.ts";

export type RunEvent =
  | RunStarted
  | TaskDispatched
  | TaskResent
  | AttemptStarted
  | AttemptFailed
  | AttemptLost
  | StepExpanded
  | StepWaiting
  | StepSucceeded
  | StepFailed
  | StepCaught
  | StepSkipped
  | StepCancelled
  | StepUnknown
  | StepSuspended
  | ApprovalRequested
  | ApprovalDecided
  | CallSettled
  | EventEmitted
  | RunCompleted
  | RunFailed
  | RunCancelled;

interface At {
  readonly at: Instant;
}

export interface RunStarted extends At {
  readonly kind: "run_started";
  readonly workflow: string;
  /** First 12 hex digits of the definition's SHA-256. */
  readonly version: string;
  /** Hash of the stored plan. */
  readonly plan: DefinitionHash;
  readonly build: BuildId;
  readonly input: Value;
  /** SHA-256 of what the client asked for: a second start with another body is a conflict. */
  readonly fingerprint: string;
  readonly labels?: { readonly [key: string]: string };
  readonly deadline?: Instant;
  readonly traceparent?: string;
}

export interface TaskDispatched extends At {
  readonly kind: "task_dispatched";
  readonly step: StepInstance;
  readonly attempt: number;
  /** The input that led to it and its number there: the end of the task's id, also when it is sent again. */
  readonly input: InputId;
  readonly n: number;
  /** Of an agent's step in a run with a budget: what the step may use up, earlier attempts included. */
  readonly budget?: TaskBudget;
}

/** Who last said that it works on an attempt: since when, and when it was last heard of. */
export interface LastHolder {
  readonly worker: WorkerId;
  readonly startedAt: Instant;
  readonly seenAt: Instant;
}

/**
 * The queue had lost the attempt's task, so it was sent again under its id. Whoever worked on it is most
 * likely gone, with what it had done; a worker that survived goes on, and the attempt is still this one.
 */
export interface TaskResent extends At {
  readonly kind: "task_resent";
  readonly step: StepInstance;
  readonly attempt: number;
  /** The input that told of it: the same twice is told once. */
  readonly input: InputId;
  /** Absent when no worker had said that it has the task. */
  readonly holder?: LastHolder;
}

/** What a worker tells of an attempt it ran: the same keys wherever an attempt ends. */
export interface AttemptFacts {
  readonly worker?: WorkerId;
  readonly startedAt?: Instant;
  readonly ms?: number;
  /** 12 hex digits of the user code that ran. */
  readonly code?: string;
  /** What models and tools of the step have used up so far, earlier attempts included. */
  readonly usage?: UsageTotals;
  /** Of an untrusted tool: what the call ran in. */
  readonly sandbox?: SandboxApplied;
}

/**
 * Written before an irreversible call starts: without it the call certainly did not happen. Also before one
 * that writes when its task came late: whoever runs it has asked whether its attempt is still open.
 */
export interface AttemptStarted extends At {
  readonly kind: "attempt_started";
  readonly step: StepInstance;
  readonly attempt: number;
  readonly worker: WorkerId;
  /** The input that announced it: the same worker may announce another call, or come back after a crash. */
  readonly input?: InputId;
}

export interface AttemptFailed extends At, AttemptFacts {
  readonly kind: "attempt_failed";
  readonly step: StepInstance;
  readonly attempt: number;
  readonly failure: Failure;
  /** When the next attempt is due; absent when there is none. */
  readonly retryAt?: Instant;
}

/** The worker or its runner died or lost its lease; does not count against `retry.max`. */
export interface AttemptLost extends At, AttemptFacts {
  readonly kind: "attempt_lost";
  readonly step: StepInstance;
  readonly attempt: number;
  readonly reason: string;
}

export interface StepExpanded extends At {
  readonly kind: "step_expanded";
  readonly step: StepInstance;
  readonly count: number;
}

export interface StepWaiting extends At {
  readonly kind: "step_waiting";
  readonly step: StepInstance;
  readonly until: Instant;
}

export interface StepSucceeded extends At, AttemptFacts {
  readonly kind: "step_succeeded";
  readonly step: StepInstance;
  readonly attempt?: number;
  readonly output: Value;
  /** What `select` gave: what expressions see instead of the output. */
  readonly selected?: Json;
}

export interface StepFailed extends At {
  readonly kind: "step_failed";
  readonly step: StepInstance;
  readonly failure: Failure;
}

export interface StepCaught extends At {
  readonly kind: "step_caught";
  readonly step: StepInstance;
  readonly failure: Failure;
  /** The handler step that was given the failure. */
  readonly handler?: StepId;
  /** Present when the step has ended: the value of its catch, or what its handler gave. */
  readonly output?: Value;
  /** What the handler's `select` gave: what expressions see instead of the output. */
  readonly selected?: Json;
}

export interface StepSkipped extends At {
  readonly kind: "step_skipped";
  readonly step: StepInstance;
  readonly reason: "condition" | "not_needed";
}

export interface StepCancelled extends At {
  readonly kind: "step_cancelled";
  readonly step: StepInstance;
  readonly reason: string;
}

/** An irreversible attempt was lost after it had started; someone must say what happened. */
export interface StepUnknown extends At {
  readonly kind: "step_unknown";
  readonly step: StepInstance;
  readonly attempt: number;
  readonly reason: string;
  /** Of an agent's step: the call in question, `<step instance>/<call>`, its tool and what it was given. */
  readonly call?: string;
  readonly tool?: string;
  readonly given?: Json;
}

/** The attempt of an agent's step ended to wait for people. Does not count against `retry.max`. */
export interface StepSuspended extends At, AttemptFacts {
  readonly kind: "step_suspended";
  readonly step: StepInstance;
  readonly attempt: number;
}

/** A person is asked: about a step before it begins, or about one call of an agent's step. */
export interface ApprovalRequested extends At {
  readonly kind: "approval_requested";
  readonly step: StepInstance;
  /** From 1 within the run: the end of the approval's id, `<run>-<n>`. */
  readonly n: number;
  readonly call?: string;
  readonly shown: Shown;
  /** SHA-256 of the canonical JSON of `shown`. */
  readonly hash: string;
  /** Then it counts as denied. */
  readonly expiresAt: Instant;
}

export interface ApprovalDecided extends At {
  readonly kind: "approval_decided";
  readonly step: StepInstance;
  readonly n: number;
  readonly approved: boolean;
  readonly how: "person" | "expired";
  readonly by?: string;
  readonly comment?: string;
}

/** A person said what became of a call of an agent's step: the step goes on with that. */
export interface CallSettled extends At {
  readonly kind: "call_settled";
  readonly step: StepInstance;
  readonly call: string;
  readonly as: "done" | "failed" | "retry";
  readonly output?: Value;
  readonly message?: string;
  readonly by?: string;
}

export interface EventEmitted extends At {
  readonly kind: "event_emitted";
  readonly step: StepInstance;
  readonly name: string;
  readonly data: Json;
}

export interface RunCompleted extends At {
  readonly kind: "run_completed";
  readonly output: Value;
}

export interface RunFailed extends At {
  readonly kind: "run_failed";
  readonly failure: Failure;
  readonly step?: StepInstance;
}

export interface RunCancelled extends At {
  readonly kind: "run_cancelled";
  readonly reason: string;
  readonly by?: string;
}
