/** What expressions see of a run: only the parts they read are built, and nothing newer than their step. */
import { type Failure, type Json, type RunId, type StepId, blobRefKey, isInline } from "@agentflow/protocol";
import type { Reads } from "../plan/formula.ts";
import type { Scope } from "../expr/index.ts";
import type { ActiveRun, CaughtStep, StepState, SucceededStep } from "./state.ts";

export interface Sight {
  readonly run: Pick<ActiveRun, "started" | "steps">;
  readonly id: RunId;
  /** Steps that ended at or after this event are out of sight. */
  readonly before: number;
  readonly names?: { readonly [name: string]: Json };
}

/** Notes what was asked of values that stand by reference. */
export interface Glance {
  /** An expression looked into this value, which it cannot. */
  tooBig?: string;
  /** A reference was put where the value would stand. */
  passedRefs?: true;
}

export function scopeFor(reads: Reads, sight: Sight, glance: Glance): Scope {
  const scope: { [name: string]: Json } = { ...sight.names };
  if (reads.input) addInput(scope, reads, { sight, glance });
  if (reads.run) scope["run"] = runFacts(sight);
  if (reads.steps.length > 0 || reads.anyStep) scope["steps"] = stepsFor(reads, sight, glance);
  return scope;
}

/** A value by reference as it stands within a task's input, until the worker puts the value in. */
export function refTo(value: { readonly blob: string; readonly bytes: number }): Json {
  return { [blobRefKey]: { blob: value.blob, bytes: value.bytes } };
}

/** The reference that a passed value is, if it is one. */
export function refIn(value: Json): { blob: string; bytes: number } | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const inner: unknown = Object.entries(value).find(([key]) => key === blobRefKey)?.[1];
  if (typeof inner !== "object" || inner === null || !("blob" in inner) || !("bytes" in inner))
    return undefined;
  const { blob, bytes } = inner;
  return typeof blob === "string" && typeof bytes === "number" ? { blob, bytes } : undefined;
}

type Building = { [name: string]: Json };

function addInput(scope: Building, reads: Reads, { sight, glance }: { sight: Sight; glance: Glance }): void {
  const { input } = sight.run.started;
  if (isInline(input)) scope["input"] = input.inline;
  else if (reads.wholeInput) scope["input"] = passed(input, glance);
  else hide(scope, { key: "input", what: "the run's input", glance });
}

function runFacts({ id, run }: Sight): Json {
  const { workflow, at } = run.started;
  return { id, workflow, startedAt: at };
}

function stepsFor(reads: Reads, sight: Sight, glance: Glance): Json {
  const steps: Building = {};
  for (const { step, whole } of reads.steps) {
    const state = visible(sight, step);
    if (state !== undefined) steps[step] = stepFacts(state, { step, whole, glance });
  }
  if (!reads.anyStep) return steps;
  for (const step of sight.run.steps.keys()) {
    const state = Object.hasOwn(steps, step) ? undefined : visible(sight, step);
    if (state !== undefined) steps[step] = stepFacts(state, { step, whole: false, glance });
  }
  return steps;
}

function visible({ run, before }: Sight, step: StepId): StepState | undefined {
  const state = run.steps.get(step);
  if (state === undefined) return undefined;
  if (state.kind === "catching") return state.since < before ? state : undefined;
  return "seq" in state && state.seq < before ? state : undefined;
}

interface Looked {
  readonly step: StepId;
  readonly whole: boolean;
  readonly glance: Glance;
}

function stepFacts(state: StepState, looked: Looked): Json {
  switch (state.kind) {
    case "succeeded":
      return withOutput({ status: "succeeded" }, state, looked);
    case "caught":
      return withOutput({ status: "caught", error: errorFacts(state.failure) }, state, looked);
    case "catching":
    case "failed":
      return { status: "failed", error: errorFacts(state.failure) };
    default:
      return { status: state.kind };
  }
}

/** A failure as expressions see it. */
export function errorFacts({ code, message, details }: Failure): Json {
  return { code, message, details: plain(details ?? {}) };
}

/** Details are plain data by promise; what is none all the same is left out. */
function plain(value: unknown): Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object") return null;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

function withOutput(facts: Building, state: SucceededStep | CaughtStep, looked: Looked): Json {
  const { output, selected } = state;
  const { step, whole, glance } = looked;
  const holdsRefs = state.kind === "succeeded" && state.holdsRefs === true;
  if (selected !== undefined) facts["output"] = selected;
  else if (isInline(output) && !holdsRefs) facts["output"] = output.inline;
  else if (!whole) hide(facts, { key: "output", what: `the output of ${step}`, glance });
  else if (isInline(output)) {
    glance.passedRefs = true;
    facts["output"] = output.inline;
  } else facts["output"] = passed(output, glance);
  return facts;
}

function passed(value: { readonly blob: string; readonly bytes: number }, glance: Glance): Json {
  glance.passedRefs = true;
  return refTo(value);
}

/** The key is there, but reading it is refused and noted: a look inside is told as what it is. */
function hide(owner: Building, { key, what, glance }: { key: string; what: string; glance: Glance }): void {
  Object.defineProperty(owner, key, {
    enumerable: true,
    get(): never {
      glance.tooBig = what;
      throw new RangeError(`${what} is not inline`);
    },
  });
}
