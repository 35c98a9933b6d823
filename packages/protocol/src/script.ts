/** What a scripted model says: a file of rules, for tests, templates and `af mock-llm`. */
import type { Json } from "./json.ts";
import type { FinishReason } from "./model.ts";
import type { apiVersion } from "./workflow.ts";

export interface ModelScript {
  readonly apiVersion: typeof apiVersion;
  readonly kind: "ModelScript";
  readonly name?: string;
  readonly description?: string;
  /** Names that `af mock-llm` knows, `*` standing for any text; another is refused as unknown. */
  readonly models?: readonly string[];
  /** Keys that `af mock-llm` takes; without the list it takes any and none. */
  readonly keys?: readonly string[];
  /** Tokens that a request may hold, by our count; a longer one is refused as the provider refuses it. */
  readonly contextTokens?: number;
  /** How replies come where a rule does not say it. */
  readonly pace?: ScriptPace;
  /** Tried in order; the first that fits and is not used up answers. */
  readonly rules?: readonly ScriptRule[];
  /** When no rule fits. `auto`: a fixed sentence, or the smallest value that the asked schema allows. */
  readonly default?: "auto" | ScriptReply;
}

export interface ScriptRule extends ScriptReply {
  readonly name?: string;
  readonly when?: ScriptCondition;
  /** How often the rule may answer; then it is passed over. */
  readonly times?: number;
}

/** All that is said must hold; a list of texts: each of them. */
export interface ScriptCondition {
  /** Text within the last message of the user; upper and lower case are the same. */
  readonly contains?: string | readonly string[];
  /** Regular expression over that message; its groups are `match` in templates. */
  readonly matches?: string;
  /** Text within the system messages. */
  readonly instructions?: string | readonly string[];
  /** The model asked for, `*` standing for any text. */
  readonly model?: string;
  /** Tools that are offered, each of them. */
  readonly tools?: readonly string[];
  /** The last message holds a result of this tool; `true`: of any; `false`: holds none. */
  readonly result?: string | boolean;
  /** Text within the results of the last message, as JSON. */
  readonly resultContains?: string | readonly string[];
  /** Number of this reply in the conversation: 1 for the first. */
  readonly turn?: number;
  /** JSON is asked for. */
  readonly structured?: boolean;
  /** Bare CEL over what templates see. */
  readonly if?: string;
}

export const scriptHostile = [
  /** Escape sequences, carriage returns, bidirectional overrides. */
  "control_characters",
  /** A million characters. */
  "giant_text",
  /** A call of a tool that was not offered. */
  "forbidden_tool",
  /** Text that tells its reader to give away a secret. */
  "asks_for_secret",
  /** Arguments nested deeper than anybody's data. */
  "deep_arguments",
] as const;
export type ScriptHostile = (typeof scriptHostile)[number];

export const scriptFailures = [
  "auth",
  "forbidden",
  "model_not_found",
  "bad_request",
  "context_overflow",
  "rate_limit",
  "overloaded",
  "server_error",
] as const;
export type ScriptFailure = (typeof scriptFailures)[number];

/** What is answered. Strings of `text`, `json` and `calls` may hold `${ }`. */
export interface ScriptReply {
  readonly text?: string;
  /** What a model that reasons aloud says before. */
  readonly reasoning?: string;
  /** A value; the reply's text is its JSON. */
  readonly json?: Json;
  readonly calls?: readonly ScriptCall[];
  readonly finish?: FinishReason;
  readonly usage?: ScriptUsage;
  readonly pace?: ScriptPace;
  /** Nothing but a failure. */
  readonly fail?: ScriptFail;
  /** Nothing comes, ever. */
  readonly hang?: true;
  /** The connection breaks after so many characters. */
  readonly cut?: number;
  /** What comes after the first piece is no JSON. */
  readonly malformed?: true;
  readonly hostile?: ScriptHostile;
}

export interface ScriptCall {
  /** As models see it: `orders__find`. */
  readonly tool: string;
  readonly input?: Json;
  /** Instead of `input`: arguments letter by letter, such as broken JSON. */
  readonly raw?: string;
}

export interface ScriptUsage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly cacheReadTokens?: number;
  readonly reasoningTokens?: number;
}

export interface ScriptPace {
  /** Milliseconds before the first piece. */
  readonly delayMs?: number;
  /** A token is four characters. */
  readonly tokensPerSecond?: number;
  /** How many pieces a text comes in; a piece a word when left out. */
  readonly chunks?: number;
}

export interface ScriptFail {
  readonly kind?: ScriptFailure;
  /** Instead of `kind`, or another status for it. */
  readonly status?: number;
  readonly retryAfterMs?: number;
  readonly message?: string;
}
