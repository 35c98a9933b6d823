/** Writing answers: JSON, text, refusals, and the headers that a real server sends with them. */
import type { ServerResponse } from "node:http";
import type { Json } from "../object.ts";
import { Refusal } from "../refusal.ts";
import { StatusError } from "./status.ts";

export interface Headers {
  readonly [name: string]: string;
}

export function sendJson(response: ServerResponse, code: number, body: Json, headers: Headers = {}): void {
  send(response, code, JSON.stringify(body), { "content-type": "application/json", ...headers });
}

export function sendText(response: ServerResponse, code: number, text: string): void {
  const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
  send(response, code, text, headers);
}

export function send(response: ServerResponse, code: number, body: string | Buffer, headers: Headers): void {
  if (response.headersSent) {
    response.end();
    return;
  }
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
  response.writeHead(code, {
    "cache-control": "no-cache, private",
    ...headers,
    ...(code === 304 ? {} : { "content-length": String(bytes.length) }),
  });
  response.end(code === 304 ? undefined : bytes);
}

/** RFC 7234, with the code that says it comes from the API server itself. */
export function warningHeader(warnings: readonly string[]): Headers {
  if (warnings.length === 0) return {};
  const quoted = warnings.map((one) => `299 - "${one.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`);
  return { warning: quoted.join(", ") };
}

export function sendError(response: ServerResponse, error: unknown): void {
  const status = statusOf(error);
  const retry = status.details?.retryAfterSeconds;
  sendJson(response, status.code, status.body(), {
    ...(retry === undefined ? {} : { "retry-after": String(retry) }),
    ...(status.code === 403 && status.details?.causes === undefined
      ? { "x-content-type-options": "nosniff" }
      : {}),
  });
}

export function statusOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof Refusal) return StatusError.of(error.status);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new StatusError(500, "InternalError", `the test cluster failed: ${text}`);
}
