/**
 * The one error of the house and the closed table of its codes. What a code means for a retry, for HTTP
 * and for an exit status is said here and nowhere else.
 */
export const errorTable = {
  invalid_input: { retry: "never", http: 400, exit: 2 },
  invalid_project: { retry: "never", http: 422, exit: 3 },
  not_found: { retry: "never", http: 404, exit: 4 },
  unauthenticated: { retry: "after_login", http: 401, exit: 5 },
  forbidden: { retry: "after_login", http: 403, exit: 5 },
  unavailable: { retry: "backoff", http: 503, exit: 6 },
  timeout: { retry: "backoff", http: 504, exit: 7 },
  conflict: { retry: "reload", http: 409, exit: 8 },
  already_exists: { retry: "reload", http: 409, exit: 8 },
  refused: { retry: "reload", http: 409, exit: 8 },
  limit_exceeded: { retry: "after_delay", http: 429, exit: 13 },
  internal: { retry: "never", http: 500, exit: 1 },
} as const;

export type ErrorCode = keyof typeof errorTable;

/** Exit codes of outcomes; those of errors stand in `errorTable`. Stable: scripts depend on them. */
export const exitCodes = {
  ok: 0,
  runFailed: 10,
  runCancelled: 11,
  waitsForApproval: 12,
  budgetExhausted: 13,
  outcomeUnknown: 14,
  historyIncompatible: 15,
  changesPending: 16,
  thresholdMissed: 17,
  interrupted: 130,
} as const;

/** Plain data that travels with an error: JSON, never a secret. */
export type Details = { readonly [key: string]: unknown };

export interface ErrorOptions {
  /** A stable, machine-readable word under the code, e.g. `queue_full`. */
  readonly reason?: string;
  readonly details?: Details;
  /** What to try next, one sentence or command each. */
  readonly suggestions?: readonly string[];
  readonly cause?: unknown;
}

const brand = Symbol.for("agentflow.error");

/**
 * The only error that crosses a package boundary. `code` is closed (see `errorTable`), `reason` is a stable
 * word under it, `message` is for people. Recognised across copies of this package through `is`.
 */
export class AgentFlowError extends Error {
  override readonly name = "AgentFlowError";
  readonly code: ErrorCode;
  readonly reason: string;
  readonly details: Details;
  readonly suggestions: readonly string[];

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason ?? code;
    this.details = options.details ?? {};
    this.suggestions = options.suggestions ?? [];
    Object.defineProperty(this, brand, { value: true });
  }

  static is(error: unknown): error is AgentFlowError {
    return typeof error === "object" && error !== null && brand in error;
  }

  /** Any thrown value as an AgentFlowError; what is not ours becomes `internal` and keeps its cause. */
  static from(error: unknown, doing: string): AgentFlowError {
    if (AgentFlowError.is(error)) return error;
    const text = error instanceof Error ? error.message : String(error);
    return new AgentFlowError("internal", `${doing}: ${text}`, { cause: error });
  }
}

/** An error as it is written in answers: the same five keys everywhere. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly message: string;
  readonly details: Details;
  readonly suggestions: readonly string[];
}

export function toErrorBody(error: AgentFlowError): ErrorBody {
  const { code, reason, message, details, suggestions } = error;
  return { code, reason, message, details, suggestions };
}

/** Back from an answer to an error; an unknown code (a newer server) becomes `internal`. */
export function fromErrorBody(body: ErrorBody): AgentFlowError {
  const known = Object.hasOwn(errorTable, body.code);
  return new AgentFlowError(known ? body.code : "internal", body.message, {
    reason: body.reason,
    details: body.details,
    suggestions: body.suggestions,
  });
}

/** How a step or run failed, recorded in an event: plain data, open codes (a tool may bring its own). */
export interface Failure {
  /** An `ErrorCode`, or the `code` of the error a tool threw; at most 63 characters of `[a-z0-9_]`. */
  readonly code: string;
  readonly message: string;
  readonly details?: Details;
}

const failureMessageMax = 2_000;

/** The door from a thrown error to a recorded failure. Keeps code and message, drops stack and cause. */
export function toFailure(error: unknown): Failure {
  if (AgentFlowError.is(error)) {
    const details = Object.keys(error.details).length > 0 ? { details: error.details } : {};
    return { code: error.code, message: error.message.slice(0, failureMessageMax), ...details };
  }
  if (error instanceof Error) {
    const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
    return { code: failureCode(code), message: error.message.slice(0, failureMessageMax) };
  }
  return { code: "thrown", message: String(error).slice(0, failureMessageMax) };
}

/** The door from a recorded failure back to an error that can be thrown. */
export function fromFailure(failure: Failure): AgentFlowError {
  const code = Object.hasOwn(errorTable, failure.code) ? (failure.code as ErrorCode) : "refused";
  return new AgentFlowError(code, failure.message, { reason: failure.code, details: failure.details ?? {} });
}

function failureCode(text: string): string {
  const plain = text
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "_")
    .slice(0, 63);
  return plain === "" ? "thrown" : plain;
}
