/** What an API server says when it refuses: a Status, plain text, or nothing. */

export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

export interface Status {
  /** `NotFound`, `Conflict`, …; empty where the server gives none. */
  readonly reason: string;
  readonly message: string;
  readonly kind: string;
  readonly name: string;
  readonly causes: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** Of a page that something before the server answers with, and of a message that quotes an object. */
const charsMax = 2_000;
const causesMax = 1_000;

/** Body of an answer, as text or already parsed. Whatever it is, something to read comes out. */
export function parseStatus(body: unknown): Status {
  const value = typeof body === "string" ? asJson(body) : body;
  if (!isRecord(value) || value["kind"] !== "Status") {
    const message = typeof body === "string" ? body.slice(0, charsMax).trim() : "";
    return { reason: "", message, kind: "", name: "", causes: [] };
  }
  const details = isRecord(value["details"]) ? value["details"] : {};
  const causes = Array.isArray(details["causes"]) ? (details["causes"] as unknown[]) : [];
  const seconds = details["retryAfterSeconds"];
  return {
    reason: text(value["reason"]),
    message: text(value["message"]),
    kind: text(details["kind"]),
    name: text(details["name"]),
    causes: causes
      .slice(0, causesMax)
      .filter(isRecord)
      .map((cause) => ({
        reason: text(cause["reason"]),
        message: text(cause["message"]),
        field: text(cause["field"]),
      })),
    ...(typeof seconds === "number" ? { retryAfterSeconds: seconds } : {}),
  };
}

function asJson(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, charsMax) : "";
}
