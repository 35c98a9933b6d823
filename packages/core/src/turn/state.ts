/** What a loop has come to: folded from the events of its journal, and from nothing else. */
import type {
  AgentFailed,
  AgentFinished,
  AgentStarted,
  Ask,
  AttemptTookOver,
  CallAsked,
  CallPart,
  CallRefused,
  CallStarted,
  Failure,
  Instant,
  Json,
  ModelCalled,
  ModelReply,
  SandboxApplied,
  Value,
} from "@agentflow/protocol";
import { noUsd } from "./money.ts";

export type TurnState = AbsentTurn | ActiveTurn | EndedTurn;

export interface AbsentTurn {
  readonly kind: "absent";
  readonly tookOver?: AttemptTookOver;
}

export interface ActiveTurn extends Loop {
  readonly kind: "active";
}

/** Nothing moves it any more, but a later attempt goes on from a failure that is `retryable`. */
export interface EndedTurn extends Loop {
  readonly kind: "ended";
  readonly end: AgentFinished | AgentFailed;
}

export interface Loop {
  /** The attempt that has the journal. */
  readonly attempt: number;
  readonly worker: string;
  readonly tookOverAt: Instant;
  readonly lastAt: Instant;
  /** How long earlier attempts worked, from their first event to their last: waiting is no work. */
  readonly workedMs: number;
  readonly started: AgentStarted;
  /** Who goes on with the conversation: the last to whom it was handed. */
  readonly agent: string;
  readonly model: string;
  /** Of the agent that it was handed to: in the place of the first system message. */
  readonly instructions?: string;
  /** What was said after the first messages, in order. */
  readonly entries: readonly Entry[];
  /** Those of the last reply. The model is asked again only when all have ended: then they stand with it. */
  readonly calls: ReadonlyMap<string, CallState>;
  readonly replies: number;
  readonly modelCalls: number;
  readonly agentCalls: number;
  /** The model call that is under way. */
  readonly asking?: ModelCalled;
  /** The model that gave the last reply: it is asked first. */
  readonly answered?: string;
  /** Tries for the next reply that failed. */
  readonly failures: readonly FailedTry[];
  /** Not before: when the next try is due. */
  readonly retryAt?: Instant;
  readonly spent: Spent;
  /** Length of the conversation as text, about. */
  readonly chars: number;
  /** What a model counted for the conversation when it was so long. */
  readonly counted?: { readonly chars: number; readonly tokens: number };
}

export type Entry =
  | {
      readonly kind: "reply";
      readonly turn: number;
      readonly reply: ModelReply;
      /** How its calls ended. Absent while it is the last reply. */
      readonly ended?: readonly CallState[];
    }
  | { readonly kind: "rejected"; readonly turn: number; readonly problem: string };

export interface FailedTry {
  readonly model: string;
  readonly failure: Failure;
}

export interface CallState {
  readonly call: string;
  readonly turn: number;
  readonly part: CallPart;
  readonly stage: CallStage;
  readonly losses: number;
  /** How often a person settled it: as many of the answers are used up. */
  readonly settled: number;
  /** Of an agent's call: which one of the journal's it is, from 0. */
  readonly child?: number;
  /** Of an untrusted tool: what the call ran in last. */
  readonly sandbox?: SandboxApplied;
}

export type CallStage =
  /** Asked for by the model. */
  | { readonly kind: "new" }
  | { readonly kind: "asked"; readonly ask: CallAsked }
  | { readonly kind: "approved" }
  | { readonly kind: "denied"; readonly how: "person" | "expired"; readonly comment?: string }
  | { readonly kind: "under_way"; readonly started: CallStarted }
  /** To be made again. */
  | { readonly kind: "lost"; readonly started: CallStarted }
  | { readonly kind: "suspended"; readonly started: CallStarted; readonly asks: readonly Ask[] }
  | { readonly kind: "unknown"; readonly started: CallStarted; readonly reason: string }
  | { readonly kind: "returned"; readonly output: Value }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "refused"; readonly reason: CallRefused["reason"]; readonly message: string }
  | { readonly kind: "handed"; readonly to: string };

export interface Spent {
  /** Those set aside for replies that were lost are among them. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
  readonly toolCalls: number;
  readonly usd: string;
  readonly unpriced: boolean;
}

export const noneSpent: Spent = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
  toolCalls: 0,
  usd: noUsd,
  unpriced: false,
};

export const emptyTurn: TurnState = { kind: "absent" };

/** The calls that a reply asked for, in its order. */
export function callsOf(loop: Loop, entry: Entry): readonly CallState[] {
  if (entry.kind !== "reply") return [];
  return entry.ended ?? [...loop.calls.values()];
}

/** Every call of the journal, in order. */
export function allCalls(loop: Loop): readonly CallState[] {
  return loop.entries.flatMap((entry) => callsOf(loop, entry));
}

/** The time of the next try has not come. */
export function isWaiting(loop: Loop, at: Instant): loop is Loop & { readonly retryAt: Instant } {
  return loop.retryAt !== undefined && at < loop.retryAt;
}

/** The model knows how it ended, or will be told. */
export function isSettled({ stage }: CallState): boolean {
  return (
    stage.kind === "returned" ||
    stage.kind === "failed" ||
    stage.kind === "refused" ||
    stage.kind === "handed"
  );
}

export function inputOf({ part }: CallState): Json {
  return part.input ?? null;
}
