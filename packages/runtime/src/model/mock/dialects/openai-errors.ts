/** How OpenAI and those who speak like it fail. */
import type { ScriptFailure } from "@agentflow/protocol";
import type { Failing, FailureAnswer } from "../dialect.ts";

const kinds: { readonly [K in ScriptFailure]: readonly [type: string, code: string | null] } = {
  auth: ["invalid_request_error", "invalid_api_key"],
  forbidden: ["invalid_request_error", "permission_denied"],
  model_not_found: ["invalid_request_error", "model_not_found"],
  bad_request: ["invalid_request_error", null],
  context_overflow: ["invalid_request_error", "context_length_exceeded"],
  rate_limit: ["requests", "rate_limit_exceeded"],
  overloaded: ["server_error", "overloaded"],
  server_error: ["server_error", null],
};

export function openaiFailure({ failure, status, message }: Failing): FailureAnswer {
  const [type, code] = kinds[failure];
  const words =
    failure === "context_overflow" ? `This model's maximum context length is exceeded: ${message}` : message;
  return { status, body: { error: { message: words, type, param: null, code } } };
}

/** Mistral's own body, in the same dialect. */
export function mistralFailure({ failure, status, message }: Failing): FailureAnswer {
  const type =
    failure === "context_overflow" ? "invalid_request_prompt" : (kinds[failure][1] ?? kinds[failure][0]);
  const words =
    failure === "context_overflow"
      ? `Prompt is too large for model with this maximum context length: ${message}`
      : message;
  const code = failure === "context_overflow" ? "3051" : String(status * 10);
  return { status, body: { object: "error", message: words, type, param: null, code } };
}
