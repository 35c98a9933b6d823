/** An expression or template of a plan, compiled, with what it reads worked out once. */
import { AgentFlowError, type Json, type StepId, parseId } from "@agentflow/protocol";
import {
  type Refs,
  type Scope,
  type Template,
  type TemplateResult,
  compileExpression,
  compileTemplate,
  isCompiled,
  isTemplate,
} from "../expr/index.ts";

export interface Formula {
  /** Present when there is nothing to evaluate. */
  readonly constant?: { readonly value: Json };
  readonly reads: Reads;
  evaluate(scope: Scope): TemplateResult;
}

export interface Reads {
  readonly input: boolean;
  /** Every use of `input` is `${input}`: it passes as it is, even by reference. */
  readonly wholeInput: boolean;
  readonly run: boolean;
  readonly steps: readonly StepRead[];
  readonly anyStep: boolean;
}

export interface StepRead {
  readonly step: StepId;
  /** No use looks into the output: it passes as it is, even by reference. */
  readonly whole: boolean;
}

/** Compiles a template that was validated; one that does not compile is a bug or a foreign plan. */
export function templateFormula(json: Json, names: readonly string[] = []): Formula {
  const template = compileTemplate(json, { names });
  if (!isTemplate(template)) throw unusable(template[0]?.message ?? "no expression");
  const reads = readsOf(usesOf(template));
  const evaluate = (scope: Scope) => template.evaluate(scope);
  if (!template.isStatic) return { reads, evaluate };
  const constant = template.evaluate({});
  return constant.ok ? { reads, evaluate, constant } : { reads, evaluate };
}

/** The same for bare CEL. */
export function expressionFormula(source: string, names: readonly string[] = []): Formula {
  const compiled = compileExpression(source, { names });
  if (!isCompiled(compiled)) throw unusable(compiled.message);
  return {
    reads: readsOf([{ refs: compiled.refs, source, alone: false }]),
    evaluate(scope) {
      const result = compiled.evaluate(scope);
      return result.ok ? result : { ok: false, problem: { ...result.problem, path: "" } };
    },
  };
}

/** One expression within a formula. */
interface Use {
  readonly refs: Refs;
  readonly source: string;
  /** It stands for a value of its own: what it gives is not made part of a text. */
  readonly alone: boolean;
}

function usesOf(template: Template): Use[] {
  return template.expressions.map(({ compiled, alone }) => ({
    refs: compiled.refs,
    source: compiled.source,
    alone,
  }));
}

function readsOf(uses: readonly Use[]): Reads {
  const steps = new Map<StepId, boolean>();
  for (const use of uses) {
    for (const ref of use.refs.steps) {
      const step = parseId("step", ref.step);
      steps.set(step, (steps.get(step) ?? true) && !looksInto(use, ref));
    }
  }
  const paths = uses.flatMap(({ refs }) => refs.paths);
  return {
    input: paths.some((path) => path.root === "input"),
    wholeInput: uses.every(passesInput),
    run: paths.some((path) => path.root === "run"),
    steps: [...steps].map(([step, whole]) => ({ step, whole })),
    anyStep: uses.some(({ refs }) => refs.anyStep),
  };
}

function looksInto(use: Use, ref: { readonly step: string; readonly whole: boolean }): boolean {
  if (use.alone && ref.whole) return false;
  const paths = use.refs.paths.filter((path) => path.root === "steps" && path.segments[0]?.key === ref.step);
  return paths.some(({ segments }) => segments[1] === undefined || segments[1].key === "output");
}

function passesInput({ refs, alone, source }: Use): boolean {
  const paths = refs.paths.filter((path) => path.root === "input");
  return paths.length === 0 || (alone && source.trim() === "input");
}

function unusable(message: string): AgentFlowError {
  return new AgentFlowError(
    "internal",
    `the plan holds an expression that this build cannot use: ${message}`,
    {
      reason: "plan_incompatible",
    },
  );
}
