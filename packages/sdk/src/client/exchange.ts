/** One question to the API and its answer, repeated while that can help and changes nothing. */
import { AgentFlowError, type ErrorBody, errorTable, fromErrorBody } from "@agentflow/protocol";
import { parseEnvelope } from "./parse-answer.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";
import { isUntaken } from "./untaken.ts";

const backoffMinMs = 100;
const backoffMaxMs = 2_000;

/**
 * The answer's `data`. Repeats for `retryForMs` on what may pass (`unavailable`, `timeout`): every request of
 * the API may be repeated, but for those that say `once`.
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
      if (request.once === true && !isUntaken(error)) throw error;
      await transport.sleep(wait, request.signal);
      backoffMs = Math.min(backoffMs * 2, backoffMaxMs);
    }
  }
}

async function ask<T>(transport: Transport, request: TransportRequest): Promise<T> {
  const response = await transport.request(request);
  const envelope = parseEnvelope<T>(response.text, response.status);
  if (envelope.ok) return envelope.data;
  throw errorOf(envelope.error, response);
}

/** What an answer that is no success says, as the error it stands for; also when a proxy gave it. */
export function refusalOf(response: TransportResponse): AgentFlowError {
  try {
    const envelope = parseEnvelope<unknown>(response.text, response.status);
    if (!envelope.ok) return errorOf(envelope.error, response);
  } catch (error) {
    if (AgentFlowError.is(error)) return error;
  }
  return new AgentFlowError("internal", `an answer with status ${response.status} was not expected`);
}

/** What a client of one release says and a server of another does not understand. */
const skewed: ReadonlySet<string> = new Set(["no_such_path", "method_not_allowed", "schema_violation"]);

function errorOf(body: ErrorBody, { retryAfterMs, version }: TransportResponse): AgentFlowError {
  const error = fromErrorBody(body);
  const told = version !== undefined && skewed.has(error.reason) ? { serverVersion: version } : {};
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new AgentFlowError(error.code, error.message, {
    reason: error.reason,
    suggestions: error.suggestions,
    details: { ...wait, ...error.details, ...told },
  });
}

/** How long to wait before it may be asked again; undefined when that would not help. */
export function waitBefore(error: unknown, backoffMs: number): number | undefined {
  if (!AgentFlowError.is(error)) return undefined;
  const { retry } = errorTable[error.code];
  if (retry === "backoff") return backoffMs;
  if (retry !== "after_delay") return undefined;
  const told = error.details["retryAfterMs"];
  return typeof told === "number" ? Math.min(told, 10_000) : undefined;
}
