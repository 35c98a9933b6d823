import type { Json } from "@agentflow/protocol";
import { type CompileOptions, type Compiled, type Scope, compileExpression, isCompiled } from "./compile.ts";
import { type ExprProblem, type Result, problem, problemOf } from "./problem.ts";
import { type Refs, unionOf } from "./refs.ts";
import { isList } from "./schema-types.ts";
import { scanTemplate } from "./scan.ts";
import { toJson } from "./to-json.ts";

/**
 * A problem and the JSON pointer of the string that holds it; `offset` counts from the start of that string.
 */
export interface TemplateProblem extends ExprProblem {
  readonly path: string;
}

export type TemplateResult =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly problem: TemplateProblem };

/** One `${ }` of a template. */
export interface TemplateExpression {
  readonly path: string;
  /** Where the expression begins in its string. */
  readonly offset: number;
  /** The string is this one `${ }`, so the value keeps its type. */
  readonly alone: boolean;
  readonly compiled: Compiled;
}

export interface Template {
  readonly refs: Refs;
  /** Nothing to evaluate: the value is always the same. */
  readonly isStatic: boolean;
  readonly expressions: readonly TemplateExpression[];
  evaluate(scope: Scope): TemplateResult;
}

/**
 * Compiles any JSON with `${ }` in its strings (not in keys). A string that is one `${ }` keeps the value's
 * type; in mixed text strings stand as they are and other values as JSON. Gives every problem, not only the
 * first.
 */
export function compileTemplate(
  value: Json,
  options: CompileOptions = {},
): Template | readonly TemplateProblem[] {
  const problems: TemplateProblem[] = [];
  const expressions: TemplateExpression[] = [];
  const part = compilePart(value, "", { options, problems, expressions });
  if (problems.length > 0) return problems;
  const refs = unionOf(
    expressions.map(({ compiled, alone }) => (alone ? compiled.refs : mixed(compiled.refs))),
  );
  return {
    refs,
    isStatic: expressions.length === 0,
    expressions,
    evaluate: (scope) => evaluate(part, scope),
  };
}

export function isTemplate(outcome: Template | readonly TemplateProblem[]): outcome is Template {
  return "evaluate" in outcome;
}

/** In mixed text an output becomes part of a string: it is not passed on as it is. */
function mixed(refs: Refs): Refs {
  return { ...refs, steps: refs.steps.map((step) => ({ ...step, whole: false })) };
}

type Node =
  | { readonly kind: "fixed"; readonly value: Json }
  | { readonly kind: "alone"; readonly expression: TemplateExpression }
  | { readonly kind: "text"; readonly parts: readonly (string | TemplateExpression)[] }
  | { readonly kind: "list"; readonly items: readonly Node[] }
  | { readonly kind: "object"; readonly entries: readonly (readonly [string, Node])[] };

interface Found {
  readonly options: CompileOptions;
  readonly problems: TemplateProblem[];
  readonly expressions: TemplateExpression[];
}

function compilePart(value: Json, path: string, found: Found): Node {
  if (typeof value === "string") return compileText(value, path, found);
  if (typeof value !== "object" || value === null) return { kind: "fixed", value };
  if (isList(value)) {
    const items = value.map((item, i) => compilePart(item, `${path}/${i}`, found));
    return items.every((item) => item.kind === "fixed") ? fixed(items.map(valueOf)) : { kind: "list", items };
  }
  const entries = Object.entries(value).map(
    ([key, item]) => [key, compilePart(item, `${path}/${pointer(key)}`, found)] as const,
  );
  const allFixed = entries.every(([, item]) => item.kind === "fixed");
  if (!allFixed) return { kind: "object", entries };
  return fixed(Object.fromEntries(entries.map(([key, item]) => [key, valueOf(item)])));
}

function compileText(text: string, path: string, found: Found): Node {
  const scanned = scanTemplate(text);
  if ("unclosedAt" in scanned) {
    const message = "`${` without its `}`; a literal one is written `$${`";
    found.problems.push({ ...problem("syntax", message, scanned.unclosedAt), path });
    return fixed(text);
  }
  const alone = scanned.length === 1;
  const parts: (string | TemplateExpression)[] = [];
  for (const part of scanned) {
    if (part.kind === "text") {
      parts.push(part.text);
      continue;
    }
    const compiled = compileExpression(part.source, found.options);
    if (isCompiled(compiled)) {
      const expression = { path, offset: part.offset, alone, compiled };
      found.expressions.push(expression);
      parts.push(expression);
    } else found.problems.push(placed(compiled, { path, offset: part.offset }));
  }
  const [first] = parts;
  if (alone && first !== undefined) {
    return typeof first === "string" ? fixed(first) : { kind: "alone", expression: first };
  }
  return { kind: "text", parts };
}

function evaluate(node: Node, scope: Scope): TemplateResult {
  const made = evaluateNode(node, scope);
  if (!made.ok || node.kind === "alone" || node.kind === "fixed") return made;
  try {
    return { ok: true, value: toJson(made.value) };
  } catch (error) {
    return { ok: false, problem: { ...problemOf(error), path: "" } };
  }
}

function evaluateNode(node: Node, scope: Scope): TemplateResult {
  switch (node.kind) {
    case "fixed":
      return { ok: true, value: node.value };
    case "alone":
      return evaluateExpression(node.expression, scope);
    case "text":
      return evaluateText(node.parts, scope);
    case "list":
      return evaluateList(node.items, scope);
    default:
      return evaluateObject(node.entries, scope);
  }
}

function evaluateExpression(expression: TemplateExpression, scope: Scope): TemplateResult {
  const result: Result<Json> = expression.compiled.evaluate(scope);
  return result.ok ? result : { ok: false, problem: placed(result.problem, expression) };
}

function evaluateText(parts: readonly (string | TemplateExpression)[], scope: Scope): TemplateResult {
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") {
      text += part;
      continue;
    }
    const result = evaluateExpression(part, scope);
    if (!result.ok) return result;
    text += typeof result.value === "string" ? result.value : JSON.stringify(result.value);
  }
  return { ok: true, value: text };
}

function evaluateList(items: readonly Node[], scope: Scope): TemplateResult {
  const list: Json[] = [];
  for (const item of items) {
    const result = evaluateNode(item, scope);
    if (!result.ok) return result;
    list.push(result.value);
  }
  return { ok: true, value: list };
}

function evaluateObject(entries: readonly (readonly [string, Node])[], scope: Scope): TemplateResult {
  const made: [string, Json][] = [];
  for (const [key, item] of entries) {
    const result = evaluateNode(item, scope);
    if (!result.ok) return result;
    made.push([key, result.value]);
  }
  return { ok: true, value: Object.fromEntries(made) };
}

function placed(found: ExprProblem, at: { path: string; offset: number }): TemplateProblem {
  return { code: found.code, message: found.message, offset: at.offset + (found.offset ?? 0), path: at.path };
}

function pointer(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function fixed(value: Json): Node {
  return { kind: "fixed", value };
}

function valueOf(node: Node): Json {
  return node.kind === "fixed" ? node.value : null;
}
