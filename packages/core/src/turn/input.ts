/** What moves a loop, and what it asks for. The driver journals the events before it acts on the commands. */
import type {
  Answer,
  Ask,
  Failure,
  Instant,
  Json,
  ModelReply,
  SandboxApplied,
  TurnEvent,
  Value,
} from "@agentflow/protocol";

interface At {
  readonly at: Instant;
}

export type TurnInput =
  /** An attempt begins: it takes the journal over, and starts the loop if nobody has. */
  | (At & {
      readonly kind: "begin";
      readonly attempt: number;
      readonly worker: string;
      /** Used when the loop has not started yet. */
      readonly messages: Value;
      readonly session?: string;
      /** What people said so far, calls of other journals among them. */
      readonly answers: readonly Answer[];
    })
  | (At & {
      readonly kind: "model_replied";
      readonly n: number;
      readonly reply: ModelReply;
      readonly ms: number;
      readonly firstMs?: number;
    })
  | (At & {
      readonly kind: "model_failed";
      readonly n: number;
      readonly failure: Failure;
      /** Something of a reply had come. */
      readonly begun?: true;
      readonly ms: number;
    })
  | (At & {
      readonly kind: "call_returned";
      readonly call: string;
      readonly output: Value;
      readonly ms: number;
      readonly sandbox?: SandboxApplied;
    })
  | (At & {
      readonly kind: "call_failed";
      readonly call: string;
      readonly failure: Failure;
      readonly ms: number;
      readonly sandbox?: SandboxApplied;
    })
  /** The runner that made the call is gone, this attempt is not. */
  | (At & {
      readonly kind: "call_lost";
      readonly call: string;
      readonly reason: string;
      readonly sandbox?: SandboxApplied;
    })
  /** A sub-agent waits for people. */
  | (At & { readonly kind: "call_suspended"; readonly call: string; readonly asks: readonly Ask[] })
  /**
   * The agent that takes over, with its instructions rendered. This input is decided with the rules of that
   * agent. Where it cannot take over, `call_failed` of the call is the answer to `hand_off` instead.
   */
  | (At & {
      readonly kind: "handed_off";
      readonly call: string;
      readonly to: string;
      readonly model: string;
      readonly instructions: string;
    })
  /**
   * The time is up (code `timeout`), or the run does not want the step any more (code `cancelled`, which
   * writes nothing: the run's own history says it).
   */
  | (At & { readonly kind: "stopped"; readonly failure: Failure });

export type TurnCommand =
  | {
      readonly kind: "call_model";
      readonly n: number;
      readonly turn: number;
      readonly model: string;
      /** Takes the place of the request's own: what the budget leaves. */
      readonly maxOutputTokens?: number;
      /** Not before. */
      readonly notBefore?: Instant;
    }
  | {
      readonly kind: "call_tool";
      readonly call: string;
      readonly tool: string;
      readonly input: Json;
      readonly key: string;
    }
  | {
      readonly kind: "call_agent";
      readonly call: string;
      readonly agent: string;
      readonly input: Json;
      /** The step instance of its journal. */
      readonly step: string;
    }
  | { readonly kind: "hand_off"; readonly call: string; readonly to: string }
  /** Nothing is under way and people have to answer first. */
  | { readonly kind: "suspend"; readonly asks: readonly Ask[] }
  | { readonly kind: "finish"; readonly output: Value }
  | { readonly kind: "fail"; readonly failure: Failure; readonly retryable: boolean };

export interface TurnDecision {
  /**
   * One record. Empty when the input changes nothing; empty for `begin` when a later attempt has the journal:
   * then this one stops and reports nothing. The output of `agent_finished` (and of `finish`) is always
   * inline here: the driver puts a big one by reference before it writes.
   */
  readonly events: readonly TurnEvent[];
  readonly commands: readonly TurnCommand[];
}
