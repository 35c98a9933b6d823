/** One question to the API and its answer, repeated while that can help and changes nothing. */
import { AgentFlowError, type ErrorBody, errorTable, fromErrorBody } from "@agentflow/protocol";
import type { Transport, TransportRequest } from "./transport.ts";

const backoffMinMs = 100;
const backoffMaxMs = 2_000;

/**
 * The answer's `data`. Repeats on `unavailable` for `retryForMs`: every request of the API may be repeated.
 */
export async function exchange<T>(
  transport: Transport,
  request: TransportRequest,
  retryForMs: number,
): Promise<T> {
  const endMs = transport.now() + retryForMs;
  let backoffMs = backoffMinMs;
  for (;;) {
    try {
      return await ask<T>(transport, request);
    } catch (error) {
      const wait = waitBefore(error, backoffMs);
      if (wait === undefined || transport.now() + wait > endMs || request.signal?.aborted === true)
        throw error;
      await transport.sleep(wait, request.signal);
      backoffMs = Math.min(backoffMs * 2, backoffMaxMs);
    }
  }
}

async function ask<T>(transport: Transport, request: TransportRequest): Promise<T> {
  const response = await transport.request(request);
  const envelope = parseEnvelope<T>(response.text, response.status);
  if (envelope.ok) return envelope.data;
  const error = fromErrorBody(envelope.error);
  if (response.retryAfterMs === undefined) throw error;
  throw new AgentFlowError(error.code, error.message, {
    reason: error.reason,
    suggestions: error.suggestions,
    details: { retryAfterMs: response.retryAfterMs, ...error.details },
  });
}

type Envelope<T> =
  | { readonly ok: true; readonly data: T }
  | { readonly ok: false; readonly error: ErrorBody };

function parseEnvelope<T>(text: string, status: number): Envelope<T> {
  try {
    const value = JSON.parse(text);
    if (value?.ok === true || (value?.ok === false && typeof value.error === "object")) return value;
  } catch {
    // Told below, with the status: some proxy answered, not the API.
  }
  const code = status >= 500 ? "unavailable" : "internal";
  throw new AgentFlowError(code, `an answer with status ${status} is not one of this API`, {
    reason: "foreign_answer",
  });
}

function waitBefore(error: unknown, backoffMs: number): number | undefined {
  if (!AgentFlowError.is(error)) return undefined;
  const { retry } = errorTable[error.code];
  if (retry === "backoff" && error.code === "unavailable") return backoffMs;
  if (retry !== "after_delay") return undefined;
  const told = error.details["retryAfterMs"];
  return typeof told === "number" ? Math.min(told, 10_000) : undefined;
}
