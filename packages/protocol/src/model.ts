/** What goes to a model and what comes back, in our words: providers' formats stop at runners' adapters. */
import type { Json, JsonObject, JsonSchema } from "./json.ts";

/** What a provider wants to see again with the part it gave, such as a signature; kept letter by letter. */
export type ProviderMeta = JsonObject;

export type Message =
  | { readonly role: "system"; readonly text: string }
  | { readonly role: "user"; readonly text: string }
  | { readonly role: "assistant"; readonly parts: readonly ReplyPart[] }
  | { readonly role: "tool"; readonly results: readonly CallResult[] };

export type ReplyPart =
  | { readonly kind: "text"; readonly text: string; readonly meta?: ProviderMeta }
  | { readonly kind: "reasoning"; readonly text: string; readonly meta?: ProviderMeta }
  | CallPart;

/** A call that a reply asks for. `id` is the provider's own text and is only ever given back to it. */
export interface CallPart {
  readonly kind: "call";
  readonly id: string;
  /** As the model named it: `<file>__<export>`, or whatever it made up. */
  readonly tool: string;
  /** Absent when the arguments are no JSON: then `text` holds what came, at most 4,096 characters. */
  readonly input?: Json;
  readonly text?: string;
  readonly meta?: ProviderMeta;
}

/** What the model is told of a call that it asked for. */
export interface CallResult {
  readonly id: string;
  readonly tool: string;
  readonly output: Json;
  /** The call failed or was refused: `output` says why. */
  readonly failed?: true;
}

export const finishReasons = ["stop", "length", "tool_calls", "content_filter", "error", "other"] as const;
export type FinishReason = (typeof finishReasons)[number];

/** Tokens of one model call, or of several. `inputTokens` holds those that were read from a cache. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly reasoningTokens?: number;
}

/** What a step, run, agent or tenant has used up. `usd` is a decimal string. */
export interface UsageTotals extends Usage {
  /** Calls of models, those included whose answer was lost. */
  readonly modelCalls: number;
  readonly toolCalls: number;
  readonly usd: string;
  /** Some calls had no price: `usd` leaves them out. */
  readonly unpriced?: true;
}

export interface ModelReply {
  readonly parts: readonly ReplyPart[];
  readonly finish: FinishReason;
  readonly usage: Usage;
  /** The model that answered, in the provider's words. */
  readonly model?: string;
  /** The provider's id of the answer. */
  readonly id?: string;
}

/** A tool as a model is told of it. */
export interface ToolForModel {
  /** `<file>__<export>`, `agent__<name>` or `transfer_to_<name>`. */
  readonly name: string;
  readonly description: string;
  readonly input: JsonSchema;
}

export interface ModelRequest {
  readonly messages: readonly Message[];
  readonly tools: readonly ToolForModel[];
  /** The reply must be JSON by this schema. */
  readonly output?: JsonSchema;
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
}

/** Failure codes of model calls; what a turn does about each is said in core/turn. */
export const modelFailureCodes = [
  /** Key missing, wrong or without rights. Never tried again. */
  "model_auth",
  /** No such model at the provider. Never tried again. */
  "model_not_found",
  /** 429: tried again after `details.retryAfterMs`, or a backoff. */
  "model_rate_limited",
  /** The messages are longer than the model's window. Never tried again as they are. */
  "model_context_overflow",
  /** The request itself was refused (400). Never tried again. */
  "model_bad_request",
  /** The provider refused to answer such content. */
  "model_refused",
  /** 5xx, connection lost, stream cut short: tried again. */
  "model_unavailable",
  /** No answer in time: tried again. */
  "model_timeout",
  /** What came cannot be read: tried again. */
  "model_malformed",
] as const;
export type ModelFailureCode = (typeof modelFailureCodes)[number];
