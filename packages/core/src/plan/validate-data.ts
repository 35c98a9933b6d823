/** AF401 to AF404 and AF406: expressions that do not read, types that do not fit, keys that nobody reads. */
import type { JsonSchema } from "@agentflow/protocol";
import {
  type ExprProblem,
  type Inferred,
  assignable,
  compileExpression,
  isCompiled,
  typeOf,
} from "../expr/index.ts";
import { didYouMean } from "../expr/suggest.ts";
import type { Catalog } from "./catalog.ts";
import type { PlacedExpression } from "./expressions.ts";
import { type Findings, error, warning } from "./findings.ts";
import { type InspectedPlan, type InspectedStep, stepPath } from "./inspected.ts";
import { checkSchema } from "./schema.ts";
import { schemaAt } from "./schema-at.ts";
import { PlanTypes, entryOf } from "./types-of.ts";
import { unknownKeys } from "./unknown-keys.ts";
import { checkWait } from "./validate-wait.ts";

export function checkData(inspected: InspectedPlan, catalog: Catalog, findings: Findings): void {
  const types = new PlanTypes(inspected, catalog);
  for (const step of inspected.steps.values()) {
    for (const { path, problem } of step.expressions.problems) {
      tell(findings, { code: "AF401", path: stepPath(step.id, path) }, problem);
    }
    checkStep({ step, types, findings, inspected }, entryOf(step.def.uses, catalog)?.input);
    checkSelect(step, types, findings);
  }
  for (const { path, problem } of inspected.output.problems) tell(findings, { code: "AF401", path }, problem);
  for (const expression of inspected.output.compiled) {
    const result = known(expression, inspected) ? typeOf(expression.compiled, types.ofRun()) : undefined;
    if (result?.ok === false) tell(findings, { code: "AF402", path: expression.path }, result.problem);
  }
}

interface Checked {
  readonly step: InspectedStep;
  readonly types: PlanTypes;
  readonly findings: Findings;
  readonly inspected: InspectedPlan;
}

function checkStep({ step, types, findings, inspected }: Checked, input: JsonSchema | undefined): void {
  const dynamic = new Set<string>();
  for (const expression of step.expressions.compiled) {
    const path = stepPath(step.id, expression.path);
    if (expression.path.startsWith("/with")) dynamic.add(expression.path.slice("/with".length));
    if (!known(expression, inspected)) continue;
    const result = typeOf(expression.compiled, types.ofStep(step, expression.path));
    if (!result.ok) tell(findings, { code: "AF402", path }, result.problem);
    else if (expression.path === "/if" || expression.path === "/catch/when") {
      checkWanted(findings, { path, inferred: result.value, wanted: { type: "boolean" } });
    } else if (expression.path === "/forEach/in") {
      checkWanted(findings, { path, inferred: result.value, wanted: { type: "array" } });
    } else if (expression.alone && input !== undefined && expression.path.startsWith("/with")) {
      const wanted = schemaAt(input, expression.path.slice("/with".length));
      if (wanted !== undefined) checkWanted(findings, { path, inferred: result.value, wanted });
    }
  }
  for (const { path } of step.expressions.problems) dynamic.add(path.replace(/^\/with/, ""));
  if (input !== undefined) checkLiterals(step, { input, dynamic, findings });
  if (dynamic.size === 0) checkWait(step, findings);
}

interface Wanted {
  readonly path: string;
  readonly inferred: Inferred;
  readonly wanted: JsonSchema;
}

function checkWanted(findings: Findings, { path, inferred, wanted }: Wanted): void {
  const problem = assignable(inferred, wanted);
  if (problem !== undefined) tell(findings, { code: "AF404", path }, problem);
}

interface Literals {
  readonly input: JsonSchema;
  readonly dynamic: ReadonlySet<string>;
  readonly findings: Findings;
}

/** What is written out of a tool's input must fit its schema already. */
function checkLiterals({ id, def }: InspectedStep, { input, dynamic, findings }: Literals): void {
  const problems = checkSchema(input, def.with, { skip: (path) => dynamic.has(path) });
  const { uses } = def;
  const name = "name" in uses ? `${uses.kind} ${uses.name}` : uses.kind;
  for (const { path, message } of problems) {
    error(findings, {
      code: "AF403",
      path: stepPath(id, `/with${path}`),
      message: `${name}: ${whatOf(path)} ${message}`,
    });
  }
  const told = new Set(problems.map(({ path }) => path));
  for (const { path, key, known } of unknownKeys(input, def.with)) {
    if (told.has(path)) continue;
    warning(findings, {
      code: "AF406",
      path: stepPath(id, `/with${path}`),
      message: `${name}: ${whatOf(path)} is no key of its input: it is dropped${didYouMean(key, known)}`,
      hint: known.length === 0 ? "it takes no keys here" : `it takes ${known.slice(0, 20).join(", ")}`,
    });
  }
}

function whatOf(path: string): string {
  return path === "" ? "with" : path.slice(1).replaceAll("/", ".");
}

function checkSelect(step: InspectedStep, types: PlanTypes, findings: Findings): void {
  const { select } = step.def;
  if (select === undefined) return;
  const path = stepPath(step.id, "/select");
  const compiled = compileExpression(select);
  if (!isCompiled(compiled)) return tell(findings, { code: "AF401", path }, compiled);
  const foreign = compiled.refs.paths.find(({ root }) => root !== "output");
  if (foreign !== undefined) {
    const message = `select runs on the worker and reads \`output\` alone, not \`${foreign.root}\``;
    return error(findings, { code: "AF402", path, message });
  }
  const result = typeOf(compiled, types.ofSelect(step));
  if (!result.ok) tell(findings, { code: "AF402", path }, result.problem);
}

/** Expressions that read steps that do not exist are told of elsewhere, once. */
function known({ compiled }: PlacedExpression, { steps }: InspectedPlan): boolean {
  const ids = new Set<string>(steps.keys());
  return compiled.refs.steps.every(({ step }) => ids.has(step));
}

function tell(findings: Findings, at: { code: string; path: string }, problem: ExprProblem): void {
  const where = problem.offset === undefined ? "" : ` (at character ${problem.offset + 1})`;
  error(findings, { ...at, message: problem.message + where });
}
