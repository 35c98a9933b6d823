/** A step whose needs are met begins; what it begins as depends on what it uses. */
import {
  type Failure,
  type Instant,
  type Json,
  instant,
  readDuration,
  unixMs,
  wholeStep,
} from "@agentflow/protocol";
import type { PreparedStep } from "../plan/prepare.ts";
import { beginTask } from "./begin-task.ts";
import { type Evaluated, evaluateCondition, evaluateJson, evaluateValue } from "./evaluate.ts";
import { failStep } from "./fail.ts";
import { expand } from "./for-each.ts";
import { sightNow } from "./sight.ts";
import { fitsInline } from "./sizes.ts";
import { type Work, emit, nowOf } from "./work.ts";
import { unreachable } from "./unreachable.ts";

export function openStep(work: Work, step: PreparedStep): void {
  const wanted = isWanted(work, step);
  if (!wanted.ok) return failStep(work, step.id, wanted.failure);
  if (!wanted.value) {
    return emit(work, {
      kind: "step_skipped",
      at: nowOf(work),
      step: wholeStep(step.id),
      reason: "condition",
    });
  }
  const opened = step.forEach === undefined ? begin(work, step) : expand(work, step);
  if (!opened.ok) failStep(work, step.id, opened.failure);
}

function isWanted(work: Work, step: PreparedStep): Evaluated<boolean> {
  if (step.if === undefined) return { ok: true, value: true };
  return evaluateCondition(step.if, { sight: sightNow(work), where: "if" });
}

function begin(work: Work, step: PreparedStep): Evaluated<undefined> {
  const { uses } = step.def;
  switch (uses.kind) {
    case "tool":
    case "agent":
    case "human":
      return beginTask(work, { step, instance: wholeStep(step.id), attempt: 1, sight: sightNow(work) });
    case "set":
      return beginSet(work, step);
    case "wait":
      return beginWait(work, step);
    case "emit":
      return beginEmit(work, step);
    default:
      return unreachable(uses);
  }
}

function beginSet(work: Work, step: PreparedStep): Evaluated<undefined> {
  const output = evaluateValue(step.with, { sight: sightNow(work), where: "with" });
  if (!output.ok) return output;
  emit(work, { kind: "step_succeeded", at: nowOf(work), step: wholeStep(step.id), output: output.value });
  return done;
}

function beginWait(work: Work, step: PreparedStep): Evaluated<undefined> {
  const given = evaluateJson(step.with, { sight: sightNow(work), where: "with" });
  if (!given.ok) return given;
  const until = dueOf(given.value, nowOf(work));
  if (until === undefined)
    return failed("invalid_wait", "with: write {for: 30s} or {until: 2030-01-31T12:00:00Z}");
  const instance = wholeStep(step.id);
  emit(work, { kind: "step_waiting", at: nowOf(work), step: instance, until });
  work.commands.push({ kind: "start_timer", timer: `wait:${instance}`, due: until });
  return done;
}

function beginEmit(work: Work, step: PreparedStep): Evaluated<undefined> {
  const given = evaluateJson(step.with, { sight: sightNow(work), where: "with" });
  if (!given.ok) return given;
  const name = keyOf(given.value, "event");
  const data = keyOf(given.value, "data") ?? null;
  if (typeof name !== "string" || name === "") return failed("invalid_emit", "with: `event` must be a name");
  if (!fitsInline(data))
    return failed("limit_exceeded", "with.data: an event carries at most 64 KiB of JSON");
  const instance = wholeStep(step.id);
  emit(work, { kind: "event_emitted", at: nowOf(work), step: instance, name, data });
  emit(work, { kind: "step_succeeded", at: nowOf(work), step: instance, output: { inline: null } });
  return done;
}

const done = { ok: true, value: undefined } as const;

function failed(code: string, message: string): { readonly ok: false; readonly failure: Failure } {
  return { ok: false, failure: { code, message } };
}

/** When a wait is over; an instant that has passed is over at once. */
function dueOf(given: Json, now: Instant): Instant | undefined {
  const time = keyOf(given, "for");
  if (typeof time === "string") {
    const ms = readDuration(time);
    return ms === undefined ? undefined : instant(unixMs(now) + ms);
  }
  const until = keyOf(given, "until");
  const ms = typeof until === "string" ? unixMs(until) : Number.NaN;
  return Number.isNaN(ms) ? undefined : instant(ms);
}

function keyOf(value: Json, key: string): Json | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).find(([name]) => name === key)?.[1];
}
