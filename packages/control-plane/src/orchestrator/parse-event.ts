/** Stored events of known kinds: the facts in them that others than the run's own fold rely on. */
import { isUsage } from "./parse-usage.ts";
import type { RunEvent } from "@agentflow/protocol";

type Fields = { readonly [name: string]: unknown };
type Check = (event: Fields) => string | undefined;

const checks: { readonly [K in RunEvent["kind"]]: Check } = {
  run_started: (event) =>
    timeless(event) ??
    without(event, "workflow", isText) ??
    without(event, "version", isText) ??
    without(event, "plan", isText) ??
    without(event, "input", isObject) ??
    (event["labels"] === undefined ? undefined : without(event, "labels", isTexts)),
  task_dispatched: stepless,
  task_resent: stepless,
  attempt_started: stepless,
  attempt_failed: attemptless,
  attempt_lost: attemptless,
  step_expanded: stepless,
  step_waiting: stepless,
  step_succeeded: attemptless,
  step_failed: stepless,
  step_caught: stepless,
  step_skipped: stepless,
  step_cancelled: stepless,
  step_unknown: stepless,
  step_suspended: attemptless,
  approval_requested: (event) =>
    stepless(event) ??
    without(event, "n", isCount) ??
    without(event, "shown", isShown) ??
    without(event, "hash", isText) ??
    timeless(event) ??
    without(event, "expiresAt", isTime),
  approval_decided: (event) =>
    stepless(event) ??
    without(event, "n", isCount) ??
    timeless(event) ??
    without(event, "approved", isBoolean),
  call_settled: (event) => stepless(event) ?? without(event, "call", isText),
  event_emitted: stepless,
  run_completed: (event) => timeless(event) ?? without(event, "output", isObject),
  run_failed: (event) => timeless(event) ?? without(event, "failure", isFailure),
  run_cancelled: (event) => timeless(event) ?? without(event, "reason", isText),
};

/**
 * Why nothing may be made of an event: its kind is not known here, or it lacks what its kind has. Undefined
 * when it is in order. Looks at no more than readers of many runs need; a run's own fold looks at the rest.
 */
export function faultOf(event: unknown): string | undefined {
  if (!isObject(event)) return "an event of kind none";
  const { kind } = event;
  if (typeof kind !== "string" || !isKind(kind)) return `an event of kind ${show(kind)}`;
  const fault = checks[kind](event);
  return fault === undefined ? undefined : `a damaged ${kind}: ${fault}`;
}

function isKind(kind: string): kind is RunEvent["kind"] {
  return Object.hasOwn(checks, kind);
}

function stepless(event: Fields): string | undefined {
  return without(event, "step", isText);
}

/** The end of an attempt may tell what it used up: sums are made of that. */
function attemptless(event: Fields): string | undefined {
  const usage = event["usage"];
  return stepless(event) ?? (usage === undefined ? undefined : without(event, "usage", isUsage));
}

function timeless(event: Fields): string | undefined {
  return without(event, "at", isTime);
}

function without(event: Fields, name: string, is: (value: unknown) => boolean): string | undefined {
  const value = event[name];
  // Never the value: it may be anybody's data, and this is said in logs.
  return is(value)
    ? undefined
    : `its ${name} is ${value === undefined ? "missing" : "not what it should be"}`;
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
}

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

function isShown(value: unknown): boolean {
  return isObject(value) && isText(value["uses"]) && "input" in value;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isTime(value: unknown): boolean {
  return typeof value === "string" && Number.isFinite(Date.parse(value));
}

function isTexts(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isText);
}

function isFailure(value: unknown): boolean {
  return isObject(value) && isText(value["code"]) && isText(value["message"]);
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

/** Text from outside goes on as JSON, short. */
export function show(value: unknown): string {
  return (JSON.stringify(value) ?? "none").slice(0, 60);
}
