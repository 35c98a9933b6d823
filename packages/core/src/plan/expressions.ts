/** Every expression of a step or of a plan's output, with the place where it is written. */
import type { Json, PlanStep } from "@agentflow/protocol";
import {
  type Compiled,
  type ExprProblem,
  compileExpression,
  compileTemplate,
  isCompiled,
  isTemplate,
} from "../expr/index.ts";

export interface PlacedExpression {
  /** JSON pointer of the text that holds it, from the step (or the plan). */
  readonly path: string;
  /** The value stands alone: nothing is made of it but what the expression gives. */
  readonly alone: boolean;
  readonly compiled: Compiled;
}

export interface PlacedProblem {
  readonly path: string;
  readonly problem: ExprProblem;
}

export interface Expressions {
  readonly compiled: readonly PlacedExpression[];
  readonly problems: readonly PlacedProblem[];
}

/** Those that the core evaluates; `select` is not among them, it runs on the worker. */
export function expressionsOf(step: PlanStep): Expressions {
  const names = step.forEach === undefined ? [] : [step.forEach.as];
  const given = step.catch;
  return together([
    ofTemplate(step.with, "/with", names),
    ofSource(step.if, "/if"),
    ofTemplate(step.approval?.text ?? null, "/approval/text", names),
    ofSource(step.forEach?.in, "/forEach/in"),
    ofSource(given?.when, "/catch/when"),
    given !== undefined && "value" in given ? ofTemplate(given.value, "/catch/then", []) : none,
  ]);
}

export function ofTemplate(value: Json, at: string, names: readonly string[]): Expressions {
  const template = compileTemplate(value, { names });
  if (!isTemplate(template)) {
    return { compiled: [], problems: template.map((problem) => ({ path: at + problem.path, problem })) };
  }
  const compiled = template.expressions.map((one) => ({ ...one, path: at + one.path }));
  return { compiled, problems: [] };
}

export function ofSource(source: string | undefined, path: string): Expressions {
  if (source === undefined) return none;
  const compiled = compileExpression(source);
  if (!isCompiled(compiled)) return { compiled: [], problems: [{ path, problem: compiled }] };
  return { compiled: [{ path, alone: true, compiled }], problems: [] };
}

const none: Expressions = { compiled: [], problems: [] };

function together(all: readonly Expressions[]): Expressions {
  return {
    compiled: all.flatMap(({ compiled }) => compiled),
    problems: all.flatMap(({ problems }) => problems),
  };
}
