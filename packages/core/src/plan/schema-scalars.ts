import type { Json } from "@agentflow/protocol";

type Schema = { readonly [key: string]: Json };

/** What is wrong with a text. Lengths count characters as JSON Schema does: code points. */
export function checkText(schema: Schema, value: string): string[] {
  const { minLength, maxLength } = schema;
  const found: string[] = [];
  if (typeof minLength !== "number" && typeof maxLength !== "number") return found;
  const length = Array.from(value).length;
  if (typeof minLength === "number" && length < minLength)
    found.push(`needs at least ${minLength} ${minLength === 1 ? "character" : "characters"}`);
  if (typeof maxLength === "number" && length > maxLength)
    found.push(`has more than ${maxLength} characters`);
  return found;
}

/** What is wrong with a number. */
export function checkNumber(schema: Schema, value: number): string[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const found: string[] = [];
  if (typeof minimum === "number" && value < minimum) found.push(`must be at least ${minimum}`);
  if (typeof maximum === "number" && value > maximum) found.push(`must be at most ${maximum}`);
  if (typeof exclusiveMinimum === "number" && value <= exclusiveMinimum)
    found.push(`must be above ${exclusiveMinimum}`);
  if (typeof exclusiveMaximum === "number" && value >= exclusiveMaximum)
    found.push(`must be below ${exclusiveMaximum}`);
  if (typeof multipleOf === "number" && multipleOf > 0) {
    const times = value / multipleOf;
    // 0.3 / 0.1 is not quite 3.
    if (Math.abs(times - Math.round(times)) > 1e-9) found.push(`must be a multiple of ${multipleOf}`);
  }
  return found;
}
