/** What may be said of a field, word for word as a server says it. */
import type { Json } from "../object.ts";
import type { Cause } from "../refusal.ts";

export type Faults = Cause[];

export function required(field: string, more = ""): Cause {
  const message = more === "" ? "Required value" : `Required value: ${more}`;
  return { reason: "FieldValueRequired", message, field };
}

export function invalidValue(field: string, value: Json | undefined, why: string): Cause {
  return {
    reason: "FieldValueInvalid",
    message: `Invalid value: ${JSON.stringify(value ?? null)}: ${why}`,
    field,
  };
}

export function unsupported(field: string, value: Json | undefined, supported: readonly string[]): Cause {
  const listed = supported.map((one) => JSON.stringify(one)).join(", ");
  const message = `Unsupported value: ${JSON.stringify(value ?? "")}: supported values: ${listed}`;
  return { reason: "FieldValueNotSupported", message, field };
}

export function forbidden(field: string, why: string): Cause {
  return { reason: "FieldValueForbidden", message: `Forbidden: ${why}`, field };
}

export function duplicate(field: string, value: Json): Cause {
  return { reason: "FieldValueDuplicate", message: `Duplicate value: ${JSON.stringify(value)}`, field };
}

export function missing(field: string, value: Json): Cause {
  return { reason: "FieldValueNotFound", message: `Not found: ${JSON.stringify(value)}`, field };
}

export function tooLong(field: string, bytes: number): Cause {
  return { reason: "FieldValueTooLong", message: `Too long: may not be more than ${bytes} bytes`, field };
}

/** Nothing when the field is not there. */
export function notNegative(field: string, value: Json | undefined): Faults {
  if (typeof value !== "number" || value >= 0) return [];
  return [invalidValue(field, value, "must be greater than or equal to 0")];
}

/** A number from zero, or a share in percent. Nothing when the field is not there. */
export function countOrShare(field: string, value: Json | undefined): Faults {
  if (typeof value !== "string") return notNegative(field, value);
  if (/^\d+%$/.test(value)) return [];
  const why = "a valid percent string must be a numeric string followed by an ending '%'";
  return [invalidValue(field, value, why)];
}

/** The same, of all that there are. */
export function countOrPart(field: string, value: Json | undefined): Faults {
  const faults = countOrShare(field, value);
  if (faults.length > 0 || typeof value !== "string" || Number.parseInt(value, 10) <= 100) return faults;
  return [invalidValue(field, value, "must not be greater than 100%")];
}

export function portNumber(field: string, value: Json | undefined): Faults {
  if (typeof value === "number" && value >= 1 && value <= 65535) return [];
  return [invalidValue(field, value, "must be between 1 and 65535, inclusive")];
}

/** A number, or the name of a port. */
export function portOrName(field: string, value: Json | undefined): Faults {
  return typeof value === "string" ? portName(field, value) : portNumber(field, value ?? 0);
}

export function portName(field: string, value: string): Faults {
  const faults: Faults = [];
  if (value.length > 15) faults.push(invalidValue(field, value, "must be no more than 15 characters"));
  if (!/^[-a-z0-9]+$/.test(value)) {
    const why = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
    faults.push(invalidValue(field, value, why));
  }
  if (!/[a-z]/.test(value)) faults.push(invalidValue(field, value, "must contain at least one letter (a-z)"));
  if (value.includes("--")) faults.push(invalidValue(field, value, "must not contain consecutive hyphens"));
  if (value.startsWith("-") || value.endsWith("-")) {
    faults.push(invalidValue(field, value, "must not begin or end with a hyphen"));
  }
  return faults;
}

export function oneOf(field: string, value: Json | undefined, supported: readonly string[]): Faults {
  if (value === undefined || (typeof value === "string" && supported.includes(value))) return [];
  return [unsupported(field, value, supported)];
}
