/** What a script answers to one request: plain data, for whoever brings it to a reader. */
import type { ModelReply, ModelRequest, ScriptFailure, ScriptPace } from "@agentflow/protocol";

export interface ScriptRequest extends ModelRequest {
  /** The model that is asked, in the asker's words. */
  readonly model: string;
  /** Any JSON is wanted, by no schema. */
  readonly anyJson?: boolean;
}

export type ScriptAnswer =
  | {
      readonly kind: "reply";
      /** The rule that answered. */
      readonly rule: string;
      readonly reply: ModelReply;
      readonly pace: ScriptPace;
      /** The connection breaks after so many characters. */
      readonly cut?: number;
      readonly malformed?: true;
    }
  | {
      readonly kind: "failure";
      readonly rule: string;
      readonly failure: ScriptFailure;
      readonly status: number;
      readonly message: string;
      readonly retryAfterMs?: number;
    }
  | { readonly kind: "hang"; readonly rule: string };

/** The status that each failure has unless a script says another. */
export const statusOf: { readonly [K in ScriptFailure]: number } = {
  auth: 401,
  forbidden: 403,
  model_not_found: 404,
  bad_request: 400,
  context_overflow: 400,
  rate_limit: 429,
  overloaded: 503,
  server_error: 500,
};

/** The failure that a status stands for when a script says no other. */
export function failureOfStatus(status: number): ScriptFailure {
  const known = new Map<number, ScriptFailure>([
    [401, "auth"],
    [403, "forbidden"],
    [404, "model_not_found"],
    [429, "rate_limit"],
    [503, "overloaded"],
    [529, "overloaded"],
  ]);
  return known.get(status) ?? (status < 500 ? "bad_request" : "server_error");
}

/** Tokens by our count: four characters each. No tokenizer counts so, and none agrees with another. */
export function tokensOf(text: string): number {
  return Math.ceil(text.length / 4);
}
