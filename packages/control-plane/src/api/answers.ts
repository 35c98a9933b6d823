/** How answers look: the envelope, and the one place where an error meets HTTP. */
import { AgentFlowError, errorTable, toErrorBody } from "@agentflow/protocol";

export function answerText(data: unknown): string {
  return JSON.stringify({ v: 1, ok: true, data });
}

export interface ErrorAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: { readonly [name: string]: string };
  readonly error: AgentFlowError;
}

const statusOfReason: { readonly [reason: string]: number } = {
  body_too_large: 413,
  unsupported_media_type: 415,
  method_not_allowed: 405,
};

/** An error as an answer: no stack, no cause; an unexpected one says only that it was unexpected. */
export function errorAnswer(thrown: unknown): ErrorAnswer {
  const error = AgentFlowError.from(thrown, "the request");
  const shown =
    error.code === "internal"
      ? new AgentFlowError("internal", "something went wrong here; the log has it", { reason: error.reason })
      : error;
  const retryAfterMs = error.details["retryAfterMs"];
  const headers: { [name: string]: string } = {};
  if (typeof retryAfterMs === "number")
    headers["retry-after"] = String(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
  else if (errorTable[error.code].retry === "backoff") headers["retry-after"] = "1";
  if (error.code === "unauthenticated") headers["www-authenticate"] = "Bearer";
  return {
    status: statusOfReason[error.reason] ?? errorTable[error.code].http,
    text: JSON.stringify({ v: 1, ok: false, error: toErrorBody(shown) }),
    headers,
    error,
  };
}
