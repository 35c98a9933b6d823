/** AF101, AF104, AF106, AF110, AF405: which steps the expressions read, and whether they will be there. */
import { didYouMean } from "../expr/suggest.ts";
import type { Segment, StepRef } from "../expr/index.ts";
import type { PlacedExpression } from "./expressions.ts";
import { type Findings, error, warning } from "./findings.ts";
import { type InspectedPlan, type InspectedStep, stepPath } from "./inspected.ts";

export function checkReads(inspected: InspectedPlan, findings: Findings): void {
  for (const step of inspected.steps.values()) {
    for (const found of step.expressions.compiled) {
      const expression = { ...found, path: stepPath(step.id, found.path) };
      if (found.compiled.refs.anyStep) checkComputed(expression, findings);
      for (const ref of found.compiled.refs.steps) {
        checkRef({ inspected, reader: step, expression }, ref, findings);
      }
    }
  }
  for (const expression of inspected.output.compiled) {
    for (const ref of expression.compiled.refs.steps) {
      checkRef({ inspected, reader: undefined, expression }, ref, findings);
    }
  }
}

interface Reading {
  readonly inspected: InspectedPlan;
  /** Undefined for the output of the run. */
  readonly reader: InspectedStep | undefined;
  readonly expression: PlacedExpression;
}

function checkComputed({ path }: PlacedExpression, findings: Findings): void {
  const message = "which step this reads is not written out, so what comes before it cannot be worked out";
  error(findings, { code: "AF110", path, message, hint: "write steps.<name>" });
}

function checkRef(reading: Reading, ref: StepRef, findings: Findings): void {
  const { inspected, reader, expression } = reading;
  const ids = [...inspected.steps.keys()];
  const { path } = expression;
  const id = ids.find((known) => known === ref.step);
  const read = id === undefined ? undefined : inspected.steps.get(id);
  if (read === undefined) {
    const code = reader === undefined ? "AF104" : "AF101";
    const message = `there is no step ${JSON.stringify(ref.step.slice(0, 80))}${didYouMean(ref.step, ids)}`;
    return error(findings, { code, path, message });
  }
  if (read === reader) {
    const hint = path.includes("/catch/") ? "its failure is `error` here" : "";
    const message = `${ref.step} reads its own outcome`;
    return error(findings, { code: "AF106", path, message, ...(hint === "" ? {} : { hint }) });
  }
  const why = ref.optional || !readsOutput(expression, ref) ? undefined : mayBeAbsent(read, reading);
  if (why === undefined) return;
  const hint = `write steps.?${ref.step}.?output.orValue(null), or with another value instead of null`;
  warning(findings, { code: "AF405", path, message: `${ref.step} may have no output here: ${why}`, hint });
}

function readsOutput({ compiled }: PlacedExpression, ref: StepRef): boolean {
  return compiled.refs.paths.some(({ root, segments: [step, key] }) => {
    return root === "steps" && step?.key === ref.step && isOutput(key);
  });
}

function isOutput(key: Segment | undefined): boolean {
  return key === undefined || key.key === "output";
}

/** Why a step that is read may be without output when its reader begins. */
function mayBeAbsent(read: InspectedStep, { inspected, reader }: Reading): string | undefined {
  const { id } = read;
  if (reader?.callers.some((caller) => caller === id)) return "it has failed when its handler runs";
  if (read.callers.length > 0) return "it runs only as a handler";
  if (read.def.if !== undefined) return "it is skipped when its `if` is false";
  const isNeed = reader?.def.needs.some((need) => need === id) === true;
  if (isNeed && reader?.def.join !== "all") return `join: ${reader?.def.join} does not wait for its success`;
  return mayFail(read, inspected) ? "it may fail without ending the run" : undefined;
}

function mayFail({ id }: InspectedStep, { steps }: InspectedPlan): boolean {
  const dependents = [...steps.values()].filter(({ def, callers }) => {
    return callers.length === 0 && def.needs.some((need) => need === id);
  });
  return dependents.length > 0 && dependents.every(({ def }) => def.join !== "all");
}
