/** The door for records of telemetry: what user code could forge is checked before anybody relies on it. */
import { type LogRecord, logLevels, logSources, type SpanRecord } from "./telemetry.ts";

const texts = ["run", "step", "trace", "span", "parent", "worker", "name", "stream", "writer"] as const;

/**
 * True when every field has the type that its readers rely on: one record that is not as it should be must
 * neither stop those behind it nor the command that shows it.
 */
export function isTelemetryRecord(value: unknown): value is LogRecord | SpanRecord {
  if (!isObject(value) || !texts.every((name) => isMissingOr(isText, field(value, name)))) return false;
  if (!isMissingOr(isFinite, field(value, "attempt"))) return false;
  if (!isMissingOr(isNumber, field(value, "seq"))) return false;
  if (field(value, "kind") === "span") return isSpan(value);
  return field(value, "kind") === "log" && isLog(value);
}

function isSpan(value: object): boolean {
  const named = ["trace", "span", "name"].every((name) => isText(field(value, name)));
  const timed = isInstant(field(value, "startedAt")) && isTime(field(value, "ms"));
  const told = isMissingOr(isObject, field(value, "attributes"));
  return named && timed && told && typeof field(value, "ok") === "boolean";
}

function isLog(value: object): boolean {
  const known =
    logLevels.some((level) => level === field(value, "level")) &&
    logSources.some((source) => source === field(value, "source"));
  const told = isText(field(value, "message")) && isMissingOr(isObject, field(value, "fields"));
  return known && told && isInstant(field(value, "at"));
}

/** A record's own field: what a key such as `constructor` finds in a prototype is none of it. */
function field(value: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function isMissingOr(is: (value: unknown) => boolean, value: unknown): boolean {
  return value === undefined || is(value);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

const yearsMs = 1e12;

function isTime(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value < yearsMs;
}

function isFinite(value: unknown): boolean {
  return Number.isFinite(value);
}

function isNumber(value: unknown): boolean {
  return Number.isSafeInteger(value);
}

/** One that can also be moved by what a span took, and still be written. */
function isInstant(value: unknown): boolean {
  return isText(value) && Math.abs(Date.parse(value)) < 8e15;
}
