/** From what providers' clients throw to our failure codes: the status decides, then the words. */
import type { Json, ModelFailureCode } from "@agentflow/protocol";
import { STATUS_CODES } from "node:http";
import { parseJson } from "../channel/parse-json.ts";
import { ModelError } from "./model-error.ts";

/** What is looked at of a provider's own words, which may be any length, and what is kept of them. */
const wordsCharsMax = 4_096;
const messageCharsMax = 500;
const retryAfterMsMax = 3_600_000;

/** Never throws. `key` is struck out of whatever the provider says. */
export function modelError(error: unknown, key: string | undefined): ModelError {
  if (error instanceof ModelError) return error;
  const facts = factsOf(error);
  const code = codeOf(facts);
  const status = facts.status === undefined ? {} : { status: facts.status };
  const retryAfterMs = retryAfterOf(facts.headers);
  const details = { ...status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  return new ModelError(code, messageOf(facts, code, key), { details, cause: error });
}

interface Facts {
  readonly name: string;
  readonly message: string;
  readonly status?: number;
  readonly headers?: { readonly [name: string]: unknown };
  /** The body, for its words alone. */
  readonly body?: string;
  /** The provider's own word for the error. */
  readonly type?: string;
  readonly host?: string;
  readonly aborted: boolean;
}

function factsOf(error: unknown): Facts {
  if (typeof error === "string") return { name: "", message: error, aborted: false };
  if (typeof error !== "object" || error === null)
    return { name: "", message: String(error), aborted: false };
  const inner = field(error, "error");
  const said = typeof inner === "object" && inner !== null ? inner : error;
  const name = text(field(error, "name")) ?? "";
  const status = field(error, "statusCode") ?? field(said, "status") ?? field(said, "code");
  const headers = field(error, "responseHeaders");
  const body = text(field(error, "responseBody"));
  const type = [text(field(said, "type")), text(field(said, "code")), text(field(said, "status"))]
    .filter((word) => word !== undefined)
    .join(" ");
  const host = hostOf(text(field(error, "url")));
  return {
    name,
    message: saidIn(body, text(field(said, "message"))) ?? "it gave no reason",
    ...(typeof status === "number" && status >= 200 && status < 600 ? { status } : {}),
    ...(isRecord(headers) ? { headers } : {}),
    ...(body === undefined ? {} : { body: body.slice(0, wordsCharsMax) }),
    ...(type === "" ? {} : { type }),
    ...(host === undefined ? {} : { host }),
    aborted: name === "AbortError" || name === "TimeoutError" || name === "ResponseAborted",
  };
}

/**
 * The provider's own words: those of its client, unless they are only the name of the status; then what the
 * body says under one of the usual keys.
 */
function saidIn(body: string | undefined, message: string | undefined): string | undefined {
  const empty = message === undefined || Object.values(STATUS_CODES).includes(message);
  if (!empty || body === undefined) return message;
  let parsed: unknown;
  try {
    parsed = parseJson(body);
  } catch {
    return message;
  }
  if (typeof parsed !== "object" || parsed === null) return message;
  const error = field(parsed, "error");
  const inner = typeof error === "object" && error !== null ? text(field(error, "message")) : text(error);
  return inner ?? text(field(parsed, "message")) ?? text(field(parsed, "detail")) ?? message;
}

/** What providers say, in their own words or as a code; a list of them is read as one pattern. */
const words = {
  auth: anyOf(
    "api.?key not valid",
    "invalid.{0,10}api.?key",
    "api key expired",
    "insufficient_quota",
    "credit balance",
    "exceeded your current quota",
    "billing",
  ),
  missing: anyOf(
    "model_not_found",
    "invalid model",
    "model identifier is invalid",
    "unknown model",
    "model[^.]{0,80}(not found|does not exist|not exist)",
  ),
  overflow: anyOf(
    "context_length_exceeded",
    "maximum context",
    "context (length|window|size)",
    "prompt is too long",
    "input is too long",
    "too many (input )?tokens",
    "token count[^.]{0,60}exceeds",
    "exceeds the (maximum|limit)[^.]{0,40}tokens",
    "reduce the length",
  ),
  refused: anyOf(
    "content_?(filter|policy|management)",
    "responsible ?ai",
    "safety (system|policy|filter)",
    "moderation",
  ),
  limited: anyOf("rate.?limit", "too.?many.?requests", "throttl", "resource_?exhausted", "quota"),
  badRequest: anyOf("invalid_?(request|argument)", "validation"),
} as const;

function anyOf(...patterns: readonly string[]): RegExp {
  return new RegExp(patterns.join("|"), "i");
}

function codeOf(facts: Facts): ModelFailureCode {
  const { status, name } = facts;
  const all = `${facts.type ?? ""} ${facts.message.slice(0, wordsCharsMax)} ${facts.body ?? ""}`;
  if (name === "AI_LoadAPIKeyError") return "model_auth";
  if (name === "AI_NoSuchModelError") return "model_not_found";
  if (facts.aborted) return "model_timeout";
  if (status !== undefined && status >= 400) return codeOfStatus(status, all);
  if (/ended (without|before)/.test(facts.message)) return "model_unavailable";
  if (unreadable.has(name)) return "model_malformed";
  if (impossible.has(name)) return "model_bad_request";
  if (words.overflow.test(all)) return "model_context_overflow";
  if (facts.type !== undefined && /auth|permission/i.test(facts.type)) return "model_auth";
  if (facts.type !== undefined && words.limited.test(facts.type)) return "model_rate_limited";
  if (facts.type !== undefined && words.badRequest.test(facts.type)) return "model_bad_request";
  return "model_unavailable";
}

const unreadable: ReadonlySet<string> = new Set([
  "AI_JSONParseError",
  "AI_TypeValidationError",
  "AI_InvalidResponseDataError",
  "AI_EmptyResponseBodyError",
  "AI_NoContentGeneratedError",
]);
const impossible: ReadonlySet<string> = new Set([
  "AI_UnsupportedFunctionalityError",
  "AI_InvalidPromptError",
  "AI_InvalidArgumentError",
  "AI_LoadSettingError",
]);

function codeOfStatus(status: number, all: string): ModelFailureCode {
  if (status === 429) return words.auth.test(all) ? "model_auth" : "model_rate_limited";
  if (status === 401 || status === 402 || status === 403) return "model_auth";
  if (status === 404) return "model_not_found";
  if (status === 413) return "model_context_overflow";
  if (status === 408) return "model_timeout";
  if (status >= 500 || status === 409 || status === 425) return "model_unavailable";
  if (words.overflow.test(all)) return "model_context_overflow";
  if (words.auth.test(all)) return "model_auth";
  if (words.missing.test(all)) return "model_not_found";
  if (words.refused.test(all)) return "model_refused";
  return "model_bad_request";
}

function messageOf(facts: Facts, code: ModelFailureCode, key: string | undefined): string {
  const said = struck(facts.message, key).slice(0, messageCharsMax).replace(/[.;]$/, "");
  const at = facts.host === undefined ? "" : `${facts.host} `;
  const isRefused = facts.status !== undefined && facts.status >= 400;
  const lead = isRefused ? `${at}answered ${facts.status}: ` : "";
  const step = facts.name === "AI_LoadSettingError" ? setting : nextStep[code];
  const whole = code === "model_malformed" ? `what came cannot be read: ${said}` : `${lead}${said}`;
  return `${whole}${step === undefined ? "" : `; ${step}`}`;
}

/**
 * Whatever looks like a key, ours or what a provider shows of it, has no place in a message. Ours is struck
 * out of the whole; patterns are tried on its beginning alone, where they cannot take for ever.
 */
function struck(message: string, key: string | undefined): string {
  let left = message;
  for (const part of key?.split(":") ?? []) if (part.length >= 4) left = left.replaceAll(part, "***");
  return left
    .slice(0, wordsCharsMax)
    .replaceAll(/\s+/g, " ")
    .trim()
    .replaceAll(/\S*\*{3,}\S*/g, "***")
    .replaceAll(/\b(sk|pk|gsk|xai|AIza)[-_A-Za-z0-9]{12,}/g, "***");
}

const setting = "write baseUrl, or what is missing under options, in agentflow.yaml";

const nextStep: { readonly [code in ModelFailureCode]?: string } = {
  model_auth: "check the key that apiKey names in agentflow.yaml (af secrets set)",
  model_not_found: "check model and baseUrl in agentflow.yaml",
  model_rate_limited: "name fallbacks in agentflow.yaml, or ask the provider for a higher limit",
  model_unavailable: "if it lasts, check baseUrl or name fallbacks in agentflow.yaml",
  model_refused: "its provider does not answer such content: change the instructions, or the model",
  model_context_overflow: "give the agent less, a smaller memory window, or a model with a larger one",
};

/** From `retry-after-ms`, or `retry-after` in seconds or as a date. */
export function retryAfterOf(headers: { readonly [name: string]: unknown } | undefined): number | undefined {
  if (headers === undefined) return undefined;
  const ms = Number(text(headers["retry-after-ms"]) ?? Number.NaN);
  if (Number.isFinite(ms)) return bounded(ms);
  const after = text(headers["retry-after"]);
  if (after === undefined) return undefined;
  const seconds = Number(after);
  if (Number.isFinite(seconds)) return bounded(seconds * 1_000);
  const at = Date.parse(after);
  const now = Date.parse(text(headers["date"]) ?? "");
  return Number.isNaN(at) || Number.isNaN(now) ? undefined : bounded(at - now);
}

function bounded(ms: number): number {
  return Math.min(retryAfterMsMax, Math.max(0, Math.ceil(ms)));
}

function hostOf(url: string | undefined): string | undefined {
  return url === undefined ? undefined : URL.parse(url)?.host;
}

function field(value: object, name: string): unknown {
  return Reflect.get(value, name);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isRecord(value: unknown): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null;
}
