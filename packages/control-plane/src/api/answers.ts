/** How answers look: the envelope, and the one place where an error meets HTTP. */
import { AgentFlowError, errorTable, toErrorBody, versionHeader } from "@agentflow/protocol";
import type { Duplex } from "node:stream";

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
  headers_too_large: 431,
  request_timeout: 408,
};

/** An error as an answer: no stack, no cause; an unexpected one says only that it was unexpected. */
export function errorAnswer(thrown: unknown): ErrorAnswer {
  const error = AgentFlowError.from(thrown, "the request");
  const shown = shownError(error);
  const retryAfterMs = error.details["retryAfterMs"];
  const headers: { [name: string]: string } = {};
  if (typeof retryAfterMs === "number")
    headers["retry-after"] = String(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
  else if (errorTable[error.code].retry === "backoff") headers["retry-after"] = "1";
  const allow = error.details["allow"];
  if (typeof allow === "string") headers["allow"] = allow;
  if (error.code === "unauthenticated") headers["www-authenticate"] = "Bearer";
  return {
    status: statusOfReason[error.reason] ?? errorTable[error.code].http,
    text: JSON.stringify({ v: 1, ok: false, error: toErrorBody(shown) }),
    headers,
    error,
  };
}

/** What a client may see of it: of the unexpected only that it was. */
export function shownError(error: AgentFlowError): AgentFlowError {
  if (error.code !== "internal") return error;
  return new AgentFlowError("internal", "something went wrong here; the log has it", {
    reason: error.reason,
  });
}

export const jsonHeaders: { readonly [name: string]: string } = {
  "content-type": "application/json; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** For an origin that the gate let in: named, never `*`. */
export function corsOf(origin: string | undefined): { readonly [name: string]: string } {
  if (origin === undefined) return {};
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": `retry-after, allow, ${versionHeader}`,
    vary: "origin",
  };
}

export const preflightHeaders: { readonly [name: string]: string } = {
  "access-control-allow-methods": "GET, POST, DELETE",
  "access-control-allow-headers": "authorization, content-type, last-event-id",
  "access-control-max-age": "600",
};

/** An answer to a connection that has no response object. */
export function endWith(socket: Duplex, thrown: unknown): void {
  const { status, text, headers } = errorAnswer(thrown);
  const head = Object.entries({
    ...jsonHeaders,
    ...headers,
    "content-length": String(Buffer.byteLength(text)),
    connection: "close",
  });
  const lines = head.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(`HTTP/1.1 ${status} Refused\r\n${lines}\r\n${text}`, () => socket.destroy());
}
