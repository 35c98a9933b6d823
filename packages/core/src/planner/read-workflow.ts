import {
  type Json,
  type JsonSchema,
  type StepId,
  type TaskBudget,
  type WorkflowName,
  apiVersion,
  isId,
} from "@agentflow/protocol";
import { type Findings, error } from "../plan/findings.ts";
import { planLimits } from "../plan/limits.ts";
import { isObject } from "../plan/schema.ts";
import { type ReadStep, durationAt, readStep } from "./read-step.ts";
import {
  type Shape,
  jsonAt,
  numberAt,
  onlyKeys,
  pathTo,
  required,
  shapeAt,
  shapeOf,
  textAt,
  wholeNumberAt,
} from "./shape.ts";

export interface ReadWorkflow {
  readonly name: WorkflowName;
  readonly input?: JsonSchema;
  readonly timeoutMs?: number;
  readonly budget?: TaskBudget;
  readonly steps: ReadonlyMap<StepId, ReadStep>;
  readonly output: Json;
}

/** Reads a definition that may be anything; what cannot be read is noted and left out. */
export function readWorkflow(given: unknown, findings: Findings): ReadWorkflow | undefined {
  const shape = shapeOf(given, "", findings);
  if (shape === undefined) return undefined;
  onlyKeys(shape, [
    "apiVersion",
    "kind",
    "name",
    "description",
    "input",
    "planner",
    "timeout",
    "budgets",
    "steps",
    "output",
  ]);
  readHead(shape);
  const name = readName(shape);
  const input = readInput(shape);
  const { budget, timeMs } = readBudgets(shape);
  const timeoutMs = least(durationAt(shape, "timeout"), timeMs);
  const steps = readSteps(shape);
  const output = jsonAt(shape, "output") ?? null;
  if (name === undefined || steps === undefined) return undefined;
  return {
    name,
    steps,
    output,
    ...(input === undefined ? {} : { input }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(budget === undefined ? {} : { budget }),
  };
}

/** What one run may use up. Its time is the run's own timeout where that is not shorter. */
function readBudgets(shape: Shape): { readonly budget?: TaskBudget; readonly timeMs?: number } {
  const inner = shapeAt(shape, "budgets");
  if (inner === undefined) return {};
  onlyKeys(inner, ["usd", "tokens", "time"]);
  const usd = numberAt(inner, "usd", { min: 0, max: usdMax });
  const tokens = wholeNumberAt(inner, "tokens", { min: 0, max: Number.MAX_SAFE_INTEGER });
  const timeMs = durationAt(inner, "time");
  const budget = {
    ...(usd === undefined ? {} : { usd: usdOf(usd) }),
    ...(tokens === undefined ? {} : { tokens }),
  };
  return {
    ...(Object.keys(budget).length === 0 ? {} : { budget }),
    ...(timeMs === undefined ? {} : { timeMs }),
  };
}

const usdMax = 1_000_000_000;

/** As a decimal, never with an exponent. */
function usdOf(usd: number): string {
  return usd.toFixed(12).replace(/\.?0+$/, "");
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

function readHead(shape: Shape): void {
  expect(shape, "apiVersion", apiVersion);
  expect(shape, "kind", "Workflow");
  textAt(shape, "description");
  const planner = shapeAt(shape, "planner");
  if (planner === undefined) return;
  onlyKeys(planner, ["kind"]);
  expect(planner, "kind", "static");
}

function expect(shape: Shape, key: string, wanted: string): void {
  required(shape, key, `write ${key}: ${wanted}`);
  const text = textAt(shape, key);
  if (text === undefined || text === wanted) return;
  const message = `${key} must be ${wanted}, is ${JSON.stringify(text.slice(0, 80))}`;
  error(shape.findings, { code: "AF006", path: pathTo(shape, key), message });
}

function readName(shape: Shape): WorkflowName | undefined {
  required(shape, "name", "a name for the workflow");
  const name = textAt(shape, "name");
  if (name === undefined || isId("workflow", name)) return name;
  badId(shape, {
    key: "name",
    id: name,
    hint: "lower-case letters, digits, dashes and underscores, at most 63",
  });
  return undefined;
}

function readInput(shape: Shape): JsonSchema | undefined {
  const input = jsonAt(shape, "input");
  if (input === undefined || isObject(input)) return input;
  const message = "input must be a JSON Schema";
  error(shape.findings, { code: "AF002", path: pathTo(shape, "input"), message });
  return undefined;
}

function readSteps(shape: Shape): Map<StepId, ReadStep> | undefined {
  required(shape, "steps", "what the workflow does, by name");
  const inner = shapeAt(shape, "steps");
  if (inner === undefined) return undefined;
  const names = Object.keys(inner.value);
  if (names.length === 0 || names.length > planLimits.stepsMax) {
    const message = `a workflow has 1 to ${planLimits.stepsMax} steps, this one has ${names.length}`;
    error(shape.findings, { code: "AF007", path: inner.path, message });
    return undefined;
  }
  const steps = new Map<StepId, ReadStep>();
  for (const name of names) {
    const one = shapeAt(inner, name);
    if (!isId("step", name)) {
      badId(inner, {
        key: name,
        id: name,
        hint: "a letter, then lower-case letters, digits and underscores",
      });
      continue;
    }
    if (one !== undefined) steps.set(name, readStep(name, one));
  }
  return steps;
}

function badId(shape: Shape, { key, id, hint }: { key: string; id: string; hint: string }): void {
  const message = `${JSON.stringify(id.slice(0, 80))} cannot be a name here`;
  error(shape.findings, { code: "AF004", path: pathTo(shape, key), message, hint });
}
