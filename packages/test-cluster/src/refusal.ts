/** Answers that refuse, as an API server words them. */
import type { JsonObject } from "./object.ts";

export interface Cause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

export interface Status extends JsonObject {
  readonly code: number;
  readonly message: string;
}

/** Thrown by the pure parts and caught at their doors (`change.ts`), where it becomes an answer. */
export class Refusal extends Error {
  readonly status: Status;

  constructor(status: Status) {
    super(status.message);
    this.status = status;
  }
}

/** What a Status calls the thing it speaks of. */
export interface Named {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

export function statusOf(code: number, reason: string, message: string, details?: JsonObject): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    ...(reason === "" ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  };
}

function detailsOf(of: Named): JsonObject {
  return {
    ...(of.name === "" ? {} : { name: of.name }),
    ...(of.group === "" ? {} : { group: of.group }),
    ...(of.kind === "" ? {} : { kind: of.kind }),
  };
}

function dotted(of: Named): string {
  return of.group === "" ? of.kind : `${of.kind}.${of.group}`;
}

export function badRequest(message: string): Refusal {
  return new Refusal(statusOf(400, "BadRequest", message));
}

/** 500 without a reason: what an apply answers that cannot be typed. */
export function untyped(message: string): Refusal {
  return new Refusal(statusOf(500, "", message));
}

export function invalid(of: Named, causes: readonly Cause[]): Refusal {
  const said = [...new Set(causes.map((one) => `${one.field}: ${one.message}`))];
  const listed = said.length === 1 ? (said[0] ?? "") : `[${said.join(", ")}]`;
  const message = `${dotted(of)} "${of.name}" is invalid: ${listed}`;
  const plain = causes.map((one) => ({ reason: one.reason, message: one.message, field: one.field }));
  return new Refusal(statusOf(422, "Invalid", message, { ...detailsOf(of), causes: plain }));
}

/** `kind` is the plural here, as in the messages of the server. */
export function notFound(of: Named): Refusal {
  return new Refusal(statusOf(404, "NotFound", `${dotted(of)} "${of.name}" not found`, detailsOf(of)));
}

export function modified(of: Named): Refusal {
  const message =
    `Operation cannot be fulfilled on ${dotted(of)} "${of.name}": the object has been modified; ` +
    "please apply your changes to the latest version and try again";
  return new Refusal(statusOf(409, "Conflict", message, detailsOf(of)));
}

export function conflicting(message: string, causes: readonly Cause[]): Refusal {
  const plain = causes.map((one) => ({ reason: one.reason, message: one.message, field: one.field }));
  return new Refusal(statusOf(409, "Conflict", message, { causes: plain }));
}
