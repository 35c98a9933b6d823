/** After each input: all that has become ready is opened, until nothing changes or the commit is full. */
import type { StepInstance } from "@agentflow/protocol";
import type { PreparedStep } from "../plan/prepare.ts";
import { completeRun } from "./end.ts";
import { endHandled, failStep } from "./fail.ts";
import { fillItems } from "./for-each.ts";
import { joinState } from "./join.ts";
import { openStep } from "./open-step.ts";
import { redispatch } from "./redispatch.ts";
import { openInstances } from "./stop.ts";
import { taskAt } from "./evolve-attempt.ts";
import { placeOf } from "./place.ts";
import { type Work, isActive, isFull, nowOf, runOf } from "./work.ts";

export function advance(work: Work): void {
  while (isActive(work) && turn(work)) {
    // Each turn ends a step, opens one or finds one not ready, so the loop ends.
  }
  if (isActive(work) && !work.cut && runOf(work).open === 0) completeRun(work);
}

/** Looks at every step again: what an earlier commit had no room for, and attempts whose time has come. */
export function lookAtAll(work: Work): void {
  const run = runOf(work);
  for (const step of work.plan.order) {
    const state = run.steps.get(step.id);
    if (state === undefined || state.kind === "catching") addCandidate(work, step, state?.kind);
    else if (state.kind === "expanded") work.expanding.add(step.id);
  }
  for (const instance of openInstances(run)) {
    if (isActive(work) && isOwed(work, instance)) redispatch(work, instance);
  }
}

/** A step that was caught by a handler has its handler to be looked at. */
function addCandidate(work: Work, step: PreparedStep, kind: "catching" | undefined): void {
  const handler = kind === undefined ? undefined : step.def.catch;
  if (handler === undefined) work.candidates.add(step);
  else if ("handler" in handler) {
    const called = work.plan.steps.get(handler.handler);
    if (called !== undefined && !runOf(work).steps.has(called.id)) work.candidates.add(called);
  }
}

function isOwed(work: Work, instance: StepInstance): boolean {
  const task = taskAt(runOf(work), placeOf(instance));
  return task?.kind === "due" || (task?.kind === "sleeping" && task.until <= nowOf(work));
}

/** One thing done; false when there is nothing to do. */
function turn(work: Work): boolean {
  const handler = work.handled.pop();
  if (handler !== undefined) {
    const step = work.plan.steps.get(handler);
    if (step !== undefined) endHandled(work, step);
    return true;
  }
  for (const id of work.expanding) {
    work.expanding.delete(id);
    fillItems(work, id);
    return true;
  }
  for (const step of work.candidates) {
    work.candidates.delete(step);
    consider(work, step);
    return true;
  }
  return false;
}

function consider(work: Work, step: PreparedStep): void {
  const { steps } = runOf(work);
  if (steps.has(step.id)) return;
  const state = joinState(step, steps);
  if (state === "wait") return;
  if (isFull(work)) {
    work.cut = true;
    return;
  }
  if (state === "ready") return openStep(work, step);
  const message = `too few of the steps it needs succeeded for join: ${step.def.join}`;
  failStep(work, step.id, { code: "join_unmet", message });
}
