/**
 * The journal of an agent step, on the subject `turn`: what its loop did, across attempts. A record is one
 * append; events in it stand in order. Facts, past tense, never edited.
 */
import type { Shown } from "./agent.ts";
import type { Failure } from "./errors.ts";
import type { Instant, Json, Value } from "./json.ts";
import type { Message, ModelReply } from "./model.ts";
import type { SandboxApplied } from "./sandbox.ts";
import type { Effect } from "./workflow.ts";

/** Version and kind of any record on the subject; what an older build cannot read parks the step. */
export interface JournalEntry {
  readonly v: 1;
  readonly kind: string;
  readonly [key: string]: unknown;
}

export interface JournalRecord {
  readonly v: 1;
  readonly kind: "journal";
  /** The attempt that wrote it. */
  readonly attempt: number;
  readonly events: readonly TurnEvent[];
}

export type TurnEvent =
  | AttemptTookOver
  | AgentStarted
  | ModelCalled
  | ModelReplied
  | ModelFailed
  | ModelLost
  | ReplyRejected
  | CallRefused
  | CallAsked
  | CallAnswered
  | CallStarted
  | CallReturned
  | CallFailed
  | CallLost
  | CallSuspended
  | CallUnknown
  | CallResolved
  | HandedOff
  | AgentFinished
  | AgentFailed;

interface At {
  readonly at: Instant;
}

/** Always the first event of an attempt: whoever wrote before finds the journal moved on and stops. */
export interface AttemptTookOver extends At {
  readonly kind: "attempt_took_over";
  readonly attempt: number;
  readonly worker: string;
}

/** What the loop began with. A later attempt goes on from this, whatever the files say by then. */
export interface AgentStarted extends At {
  readonly kind: "agent_started";
  readonly agent: string;
  readonly model: string;
  /** Instructions, memory and the first message, as the model gets them; big ones by reference. */
  readonly messages: Value;
  readonly session?: string;
}

/** `n` counts the model calls of the step from 1; turns count replies that were used. */
export interface ModelCalled extends At {
  readonly kind: "model_called";
  readonly n: number;
  readonly turn: number;
  /** The name under `models`; a fallback's own name when it is one. */
  readonly model: string;
  /** What is set aside for the call until its usage is known. */
  readonly reserved: { readonly tokens: number; readonly usd?: string };
}

export interface ModelReplied extends At {
  readonly kind: "model_replied";
  readonly n: number;
  readonly turn: number;
  readonly model: string;
  readonly reply: ModelReply;
  /** Absent when the model has no price. */
  readonly usd?: string;
  readonly ms: number;
  /** Until the first token. */
  readonly firstMs?: number;
}

export interface ModelFailed extends At {
  readonly kind: "model_failed";
  readonly n: number;
  readonly turn: number;
  readonly model: string;
  readonly failure: Failure;
  /** When the next try is due; absent when this ended the loop. */
  readonly retryAt?: Instant;
  /** A reply had begun, which has its price: the reservation counts as spent. */
  readonly begun?: true;
  readonly ms: number;
}

/**
 * The attempt that made the call is gone: what it cost is not known, so the reservation counts as spent. But
 * not when the time of the call, `retryAt` of the failure before it, had not come.
 */
export interface ModelLost extends At {
  readonly kind: "model_lost";
  readonly n: number;
  readonly turn: number;
}

/** The reply was no output by the agent's schema; the model is told and asked again. */
export interface ReplyRejected extends At {
  readonly kind: "reply_rejected";
  readonly turn: number;
  readonly problem: string;
}

/** `call` is ours: `<turn>-<index>`, unique within the journal. */
interface OfCall extends At {
  readonly call: string;
}

/** The model asked for what it may not have, or in a way that cannot be read. It is told so and goes on. */
export interface CallRefused extends OfCall {
  readonly kind: "call_refused";
  /** What the model wrote, at most 200 characters. */
  readonly tool: string;
  readonly reason: "not_allowed" | "unknown_tool" | "bad_input" | "too_many" | "denied" | "expired";
  readonly message: string;
}

/** A person is asked before the call is made. */
export interface CallAsked extends OfCall {
  readonly kind: "call_asked";
  readonly tool: string;
  readonly shown: Shown;
  readonly hash: string;
  readonly expiresMs: number;
}

export interface CallAnswered extends OfCall {
  readonly kind: "call_answered";
  readonly approved: boolean;
  readonly how: "person" | "expired";
  readonly by?: string;
  readonly comment?: string;
}

export interface CallStarted extends OfCall {
  readonly kind: "call_started";
  /** `tool:<file>.<export>` or `agent:<name>`. */
  readonly uses: string;
  readonly effect: Effect;
  readonly input: Value;
  /** The idempotency key that the tool is given: the same in every attempt. */
  readonly key: string;
}

export interface CallReturned extends OfCall {
  readonly kind: "call_returned";
  readonly output: Value;
  readonly ms: number;
  readonly sandbox?: SandboxApplied;
}

/** The tool failed; the model is told. */
export interface CallFailed extends OfCall {
  readonly kind: "call_failed";
  readonly failure: Failure;
  readonly ms: number;
  readonly sandbox?: SandboxApplied;
}

/** The attempt or runner that made the call is gone; it is made again under the same key. */
export interface CallLost extends OfCall {
  readonly kind: "call_lost";
  readonly reason: string;
  readonly sandbox?: SandboxApplied;
}

/** The sub-agent that was called waits for people; the next attempt calls it again. */
export interface CallSuspended extends OfCall {
  readonly kind: "call_suspended";
  readonly asks: readonly Ask[];
}

/** An irreversible call was lost after it had started: a person must say what happened. */
export interface CallUnknown extends OfCall {
  readonly kind: "call_unknown";
  readonly reason: string;
  readonly sandbox?: SandboxApplied;
}

export interface CallResolved extends OfCall {
  readonly kind: "call_resolved";
  readonly as: "done" | "failed" | "retry";
  readonly output?: Value;
  readonly message?: string;
  readonly by?: string;
}

export interface HandedOff extends OfCall {
  readonly kind: "handed_off";
  readonly to: string;
  readonly model: string;
  /** Instructions of the agent that goes on; they take the place of the first system message. */
  readonly instructions: string;
}

export interface AgentFinished extends At {
  readonly kind: "agent_finished";
  readonly output: Value;
}

export interface AgentFailed extends At {
  readonly kind: "agent_failed";
  readonly failure: Failure;
  /** False: another attempt of the step would end the same way. */
  readonly retryable: boolean;
}

/** Messages as a journal keeps them are an implementation detail of `agent_started.messages`. */
export type StartMessages = readonly Message[];

/** What people said about calls of a step; travels with every task of the step, and into its journals. */
export type Answer = {
  /** `<step instance>/<call>`: the instance names the journal, sub-agents have their own. */
  readonly call: string;
  readonly at: Instant;
  readonly by?: string;
} & (
  | {
      readonly kind: "approval";
      readonly approved: boolean;
      readonly how: "person" | "expired";
      readonly hash: string;
      readonly comment?: string;
    }
  | {
      readonly kind: "resolution";
      readonly as: "done" | "failed" | "retry";
      readonly output?: Value;
      readonly message?: string;
    }
);

/** What a suspended agent step needs to hear from a person before it can go on. */
export type Ask = { readonly call: string; readonly tool: string } & (
  | {
      readonly kind: "approval";
      readonly shown: Shown;
      readonly hash: string;
      readonly expiresMs: number;
    }
  | { readonly kind: "unknown"; readonly reason: string; readonly input: Json }
);
