/** Refusals of the API: the Status objects of a Kubernetes server, as something to throw. */
import type { Json, JsonObject } from "../object.ts";

export interface Cause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

/** An answer that is no success. `reason` may be empty: some errors of a real server have none. */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;
  /** Of the Status itself: a list that ended tells there how to go on. */
  readonly metadata: JsonObject;
  #worded: JsonObject | undefined;

  constructor(
    code: number,
    reason: string,
    message: string,
    details?: StatusDetails,
    metadata: JsonObject = {},
  ) {
    super(message);
    this.metadata = metadata;
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** A refusal that is already worded. */
  static of(status: JsonObject): StatusError {
    const code = typeof status["code"] === "number" ? status["code"] : 500;
    const reason = typeof status["reason"] === "string" ? status["reason"] : "";
    const message = typeof status["message"] === "string" ? status["message"] : "";
    const made = new StatusError(code, reason, message);
    made.#worded = status;
    return made;
  }

  body(): JsonObject {
    if (this.#worded !== undefined) return this.#worded;
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: this.metadata,
      status: "Failure",
      message: this.message,
      ...(this.reason === "" ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: detailsJson(this.details) }),
      code: this.code,
    };
  }
}

/** The parts of a resource that refusals name. */
export interface Named {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

export function success(of: Named, name: string, uid: string): JsonObject {
  const group = of.group === "" ? {} : { group: of.group };
  const details = { name, ...group, kind: of.plural, uid };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}

export function qualified(of: Named): string {
  return of.group === "" ? of.plural : `${of.plural}.${of.group}`;
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, "BadRequest", message);
}

export function notFound(of: Named, name: string): StatusError {
  return new StatusError(404, "NotFound", `${qualified(of)} "${name}" not found`, identity(of, name));
}

export function noSuchResource(): StatusError {
  return new StatusError(404, "NotFound", "the server could not find the requested resource", {});
}

export function alreadyExists(of: Named, name: string, why?: string): StatusError {
  const text = why ?? `${qualified(of)} "${name}" already exists`;
  return new StatusError(409, "AlreadyExists", text, identity(of, name));
}

export function forbidden(of: Named, name: string, why: string, causes?: readonly Cause[]): StatusError {
  const subject = name === "" ? qualified(of) : `${qualified(of)} "${name}"`;
  const details = { ...identity(of, name), ...(causes === undefined ? {} : { causes }) };
  return new StatusError(403, "Forbidden", `${subject} is forbidden: ${why}`, details);
}

/** `name` may be empty: then the message names none, as a real server does. */
export function invalid(
  of: { group: string; kind: string },
  name: string,
  causes: readonly Cause[],
): StatusError {
  const told = [...new Set(causes.map((cause) => `${cause.field ?? ""}: ${cause.message ?? ""}`))];
  const why = told.length === 1 ? (told[0] ?? "") : `[${told.join(", ")}]`;
  const kind = of.group === "" ? of.kind : `${of.kind}.${of.group}`;
  const details = {
    ...(name === "" ? {} : { name }),
    ...groupOf(of.group),
    ...(of.kind === "" ? {} : { kind: of.kind }),
    causes,
  };
  return new StatusError(422, "Invalid", `${kind} "${name}" is invalid: ${why}`, details);
}

function identity(of: Named, name: string): StatusDetails {
  return { ...(name === "" ? {} : { name }), ...groupOf(of.group), kind: of.plural };
}

function groupOf(group: string): { group?: string } {
  return group === "" ? {} : { group };
}

function detailsJson(details: StatusDetails): JsonObject {
  const { causes, ...rest } = details;
  const plain: Record<string, Json> = {};
  for (const [key, value] of Object.entries(rest)) if (value !== undefined) plain[key] = value;
  if (causes === undefined) return plain;
  return { ...plain, causes: causes.map((cause) => ({ ...cause })) };
}
