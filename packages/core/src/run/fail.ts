/** A step that failed for good: caught, tolerated, or the end of the run. */
import {
  type Failure,
  type Json,
  type StepId,
  type StepInstance,
  itemInstance,
  wholeStep,
} from "@agentflow/protocol";
import type { PreparedCatch, PreparedStep } from "../plan/prepare.ts";
import { failRun } from "./end.ts";
import { type Evaluated, evaluateCondition, evaluateValue } from "./evaluate.ts";
import { placeOf } from "./place.ts";
import { errorFacts } from "./scope.ts";
import { sightNow } from "./sight.ts";
import type { ExpandedStep } from "./state.ts";
import { stopTask } from "./stop.ts";
import { type Work, emit, nowOf, runOf } from "./work.ts";

/** Fails a step instance that has no attempts left. An item takes its whole step with it. */
export function failInstance(work: Work, instance: StepInstance, failure: Failure): void {
  const { id, item } = placeOf(instance);
  if (item === undefined) return failStep(work, id, failure);
  emit(work, { kind: "step_failed", at: nowOf(work), step: instance, failure });
  stopItems(work, id);
  const details = { ...failure.details, item };
  failStep(work, id, { code: failure.code, message: `item ${item}: ${failure.message}`, details });
}

/** Fails a step as a whole: its catch is asked first. */
export function failStep(work: Work, id: StepId, failure: Failure): void {
  const step = work.plan.steps.get(id);
  const caught = step?.catch === undefined ? undefined : tryCatch(work, step.catch, { id, failure });
  if (caught === "caught") return;
  giveUp(work, id, caught ?? failure);
}

/** No catch, or none that fits. */
export function giveUp(work: Work, id: StepId, failure: Failure): void {
  emit(work, { kind: "step_failed", at: nowOf(work), step: wholeStep(id), failure });
  const step = work.plan.steps.get(id);
  // A handler's failure is its caller's; the caller's end says whether the run goes on.
  if (step?.handlerOf !== undefined || step?.mayFail === true) return;
  failRun(work, failure, wholeStep(id));
}

/** Ends the step that a handler was called for, as the handler ended. */
export function endHandled(work: Work, handler: PreparedStep): void {
  const run = runOf(work);
  const caller = handler.handlerOf;
  const waiting = caller === undefined ? undefined : run.steps.get(caller);
  if (caller === undefined || waiting?.kind !== "catching") return;
  const ended = run.steps.get(handler.id);
  if (ended?.kind === "failed") return giveUp(work, caller, ended.failure);
  const given = ended?.kind === "succeeded" || ended?.kind === "caught" ? ended : undefined;
  const output = given?.output ?? { inline: null };
  const selected = given?.selected === undefined ? {} : { selected: given.selected };
  const { failure } = waiting;
  const step = wholeStep(caller);
  emit(work, {
    kind: "step_caught",
    at: nowOf(work),
    step,
    failure,
    handler: handler.id,
    output,
    ...selected,
  });
}

interface Failed {
  readonly id: StepId;
  readonly failure: Failure;
}

/** `caught`, or the failure that stands: the step's own, with what went wrong in its catch. */
function tryCatch(work: Work, given: PreparedCatch, { id, failure }: Failed): "caught" | Failure {
  const names = { error: errorFacts(failure) };
  const fits = applies(work, given, names);
  if (!fits.ok) return withCatchProblem(failure, fits.failure);
  if (!fits.value) return failure;
  const base = { kind: "step_caught", at: nowOf(work), step: wholeStep(id), failure } as const;
  if (given.handler !== undefined) {
    emit(work, { ...base, handler: given.handler });
    const handler = work.plan.steps.get(given.handler);
    if (handler !== undefined) work.candidates.add(handler);
    return "caught";
  }
  if (given.value === undefined) return failure;
  const value = evaluateValue(given.value, { sight: { ...sightNow(work), names }, where: "catch.then" });
  if (!value.ok) return withCatchProblem(failure, value.failure);
  emit(work, { ...base, output: value.value });
  return "caught";
}

function applies(work: Work, given: PreparedCatch, names: { error: Json }): Evaluated<boolean> {
  if (given.when === undefined) return { ok: true, value: true };
  return evaluateCondition(given.when, { sight: { ...sightNow(work), names }, where: "catch.when" });
}

function withCatchProblem(failure: Failure, problem: Failure): Failure {
  return { ...failure, details: { ...failure.details, catch: problem.message } };
}

/** Takes back the items of a step that are open. */
function stopItems(work: Work, id: StepId): void {
  const parent = runOf(work).steps.get(id);
  if (parent?.kind !== "expanded") return;
  for (const instance of openItems(id, parent)) {
    const stop = stopTask(runOf(work), instance);
    const reason = "another item failed";
    emit(work, { kind: "step_cancelled", at: nowOf(work), step: instance, reason });
    if (stop !== undefined) work.commands.push(stop);
  }
}

function openItems(id: StepId, parent: ExpandedStep): StepInstance[] {
  return parent.items.flatMap((item, n) =>
    item !== undefined && "since" in item ? [itemInstance(id, n)] : [],
  );
}
