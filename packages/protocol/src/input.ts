/** Inputs: what asks a run to move. Sent to the shard's owner as a request; answered once it is durable. */
import type { Failure } from "./errors.ts";
import type { Ask } from "./journal.ts";
import type { AttemptFacts, LastHolder } from "./events/run.ts";
import type { BuildId, DefinitionHash, InputId, RunId, StepInstance, WorkerId } from "./ids.ts";
import type { Instant, Json, Value } from "./json.ts";

export type RunInput =
  | StartInput
  | ResultInput
  | StartedInput
  | RedeliveredInput
  | ResentInput
  | TimerInput
  | CancelInput
  | ResolveInput
  | ApprovalInput
  | NudgeInput
  | ContinueInput;

interface InputBase {
  readonly id: InputId;
  readonly at: Instant;
}

export interface StartInput extends InputBase {
  readonly kind: "start";
  readonly workflow: string;
  readonly version: string;
  readonly plan: DefinitionHash;
  readonly build: BuildId;
  readonly input: Value;
  readonly fingerprint: string;
  readonly labels?: { readonly [key: string]: string };
  /** Shortens the plan's own timeout, never lengthens it. */
  readonly timeoutMs?: number;
  readonly traceparent?: string;
}

export type Outcome =
  | { readonly kind: "succeeded"; readonly output: Value; readonly selected?: Json }
  | { readonly kind: "failed"; readonly failure: Failure; readonly retryable?: boolean }
  | { readonly kind: "lost"; readonly reason: string }
  /** The step's agent cannot go on before people have answered; its journal holds what was done. */
  | { readonly kind: "suspended"; readonly asks: readonly Ask[] };

/** How an attempt ended, from the worker that ran it. */
export interface ResultInput extends InputBase, AttemptFacts {
  readonly kind: "result";
  readonly step: StepInstance;
  readonly attempt: number;
  readonly outcome: Outcome;
}

/**
 * A call is about to start that is irreversible, or that writes and whose task came late; the worker waits
 * for the answer before it does.
 */
export interface StartedInput extends InputBase {
  readonly kind: "started";
  readonly step: StepInstance;
  readonly attempt: number;
  readonly worker: WorkerId;
}

/** A worker was handed a task that another worker already had: the attempt's lease was lost. */
export interface RedeliveredInput extends InputBase {
  readonly kind: "redelivered";
  readonly step: StepInstance;
  readonly attempt: number;
  readonly worker: WorkerId;
  /** From 1: how often the queue handed the task out, this time included. */
  readonly delivery: number;
}

/** The queue lost tasks of open attempts, and their owner sent them again under their ids. */
export interface ResentInput extends InputBase {
  readonly kind: "resent";
  readonly tasks: readonly ResentTask[];
}

export interface ResentTask {
  readonly step: StepInstance;
  readonly attempt: number;
  readonly holder?: LastHolder;
}

export interface TimerInput extends InputBase {
  readonly kind: "timer";
  readonly timer: string;
}

export interface CancelInput extends InputBase {
  readonly kind: "cancel";
  readonly reason: string;
  readonly by?: string;
}

/** A person says what became of a step whose outcome is unknown. */
export interface ResolveInput extends InputBase {
  readonly kind: "resolve";
  readonly step: StepInstance;
  /** The call in question, where the step is an agent's: as its `step_unknown` names it. */
  readonly call?: string;
  readonly as: "done" | "failed" | "retry";
  readonly output?: Value;
  readonly message?: string;
  readonly by?: string;
}

/** A person approves or denies what they were shown: the hash says what that was. */
export interface ApprovalInput extends InputBase {
  readonly kind: "approval";
  readonly approval: string;
  readonly hash: string;
  readonly approve: boolean;
  readonly by?: string;
  readonly comment?: string;
}

export interface NudgeInput extends InputBase {
  readonly kind: "nudge";
  /** Also send its open tasks again, under their ids: what the queue holds stays as it is. */
  readonly resend?: true;
}

export interface ContinueInput extends InputBase {
  readonly kind: "continue";
}

/** What travels on `af.in.<shard>.<tenant>`. */
export interface InputRequest {
  readonly v: 1;
  readonly kind: "input";
  readonly run: RunId;
  readonly input: RunInput;
  /** Of a control plane that passes on what a client asked for: HMAC-SHA256 under their key, in hex. */
  readonly proof?: string;
}

/** The owner's answer, given only after the input is in the log (or was there already). */
export type InputAnswer =
  | { readonly v: 1; readonly kind: "accepted"; readonly revision: number; readonly repeated?: true }
  | {
      readonly v: 1;
      readonly kind: "refused";
      readonly reason: string;
      readonly message: string;
      readonly revision?: number;
    };
