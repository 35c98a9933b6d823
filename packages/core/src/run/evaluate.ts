/** Formulas of a plan against a run. What goes wrong is a failure of the step, never of the process. */
import { type Failure, type Json, type Value, isInline } from "@agentflow/protocol";
import type { Formula } from "../plan/formula.ts";
import { type Glance, type Sight, refIn, scopeFor } from "./scope.ts";
import { fitsInline } from "./sizes.ts";

export type Evaluated<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: Failure };

/** `where` is the key of the step (`with`, `if`) that the formula stands under: it is told in the failure. */
export interface Asked {
  readonly sight: Sight;
  readonly where: string;
}

/** For what the core itself looks at: nothing in it may stand by reference. */
export function evaluateJson(formula: Formula, asked: Asked): Evaluated<Json> {
  if (formula.constant !== undefined) return { ok: true, value: formula.constant.value };
  const glance: Glance = {};
  const result = evaluateIn(formula, asked, glance);
  return result.ok && glance.passedRefs ? tooBig(asked.where, "a value passed on") : result;
}

/** For a task's input: references may stand anywhere in it. */
export function evaluateInput(formula: Formula, asked: Asked): Evaluated<Json> {
  if (formula.constant !== undefined) return { ok: true, value: formula.constant.value };
  const result = evaluateIn(formula, asked, {});
  if (!result.ok || fitsInline(result.value)) return result;
  const message =
    `${asked.where}: the value takes more than 64 KiB of JSON; ` +
    "pass big outputs whole, as ${steps.x.output}";
  return { ok: false, failure: { code: "input_not_inline", message } };
}

/** For an output: inline, or the reference of a single value that is passed on whole. */
export function evaluateValue(formula: Formula, asked: Asked): Evaluated<Value> {
  if (formula.constant !== undefined) return { ok: true, value: { inline: formula.constant.value } };
  const glance: Glance = {};
  const result = evaluateIn(formula, asked, glance);
  if (!result.ok) return result;
  const ref = glance.passedRefs ? refIn(result.value) : undefined;
  if (ref !== undefined) return { ok: true, value: ref };
  if (glance.passedRefs || !fitsInline(result.value)) return tooBig(asked.where, "the value");
  return { ok: true, value: { inline: result.value } };
}

/** The value of a condition; anything but true or false is a failure. */
export function evaluateCondition(formula: Formula, asked: Asked): Evaluated<boolean> {
  const result = evaluateJson(formula, asked);
  if (!result.ok) return result;
  if (typeof result.value === "boolean") return { ok: true, value: result.value };
  const given = JSON.stringify(result.value).slice(0, 80);
  const message = `${asked.where}: the condition gave ${given}, not true or false`;
  return {
    ok: false,
    failure: { code: "expression_failed", message, details: { where: asked.where, code: "type" } },
  };
}

export function inlineOf(value: Value): Json | undefined {
  return isInline(value) ? value.inline : undefined;
}

function evaluateIn(formula: Formula, { sight, where }: Asked, glance: Glance): Evaluated<Json> {
  const result = formula.evaluate(scopeFor(formula.reads, sight, glance));
  // A look into something big counts even where `||` or `has()` got over it: the answer would be a guess.
  if (glance.tooBig !== undefined) return tooBig(where, glance.tooBig);
  if (result.ok) return result;
  const { code, message, path } = result.problem;
  const at = path === "" ? where : `${where}${path.replaceAll("/", ".")}`;
  return {
    ok: false,
    failure: { code: "expression_failed", message: `${at}: ${message}`, details: { where: at, code } },
  };
}

function tooBig(where: string, what: string): Evaluated<never> {
  const message =
    `${where}: ${what} is bigger than 64 KiB and stands by reference; ` +
    "give the step a `select` that picks what expressions need, or pass the output whole";
  return { ok: false, failure: { code: "output_not_inline", message, details: { where } } };
}
