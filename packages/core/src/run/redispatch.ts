import type { Json, StepInstance } from "@agentflow/protocol";
import type { PreparedStep } from "../plan/prepare.ts";
import { dispatch, itemSight } from "./dispatch.ts";
import type { Evaluated } from "./evaluate.ts";
import { taskAt } from "./evolve-attempt.ts";
import { failInstance } from "./fail.ts";
import { itemsOf } from "./items.ts";
import { type Place, placeOf } from "./place.ts";
import type { Sight } from "./scope.ts";
import { sightSince } from "./sight.ts";
import { type Work, isFull, runOf } from "./work.ts";

/** Sends the next attempt of a step instance, with the input that the first one had. */
export function redispatch(work: Work, instance: StepInstance): void {
  const place = placeOf(instance);
  const task = taskAt(runOf(work), place);
  const step = work.plan.steps.get(place.id);
  if (step === undefined || task === undefined || !("since" in task)) return;
  if (isFull(work)) {
    work.cut = true;
    return;
  }
  const seen = sightOf(step, place, sightSince(runOf(work), work.run, task.since));
  const attempt = task.tries.attempt + 1;
  const sent = seen.ok ? dispatch(work, { step, instance, attempt, sight: seen.value }) : seen;
  if (!sent.ok) failInstance(work, instance, sent.failure);
}

/** What a step or item saw when it was opened. */
export function sightOf(step: PreparedStep, { item }: Place, sight: Sight): Evaluated<Sight> {
  if (item === undefined) return { ok: true, value: sight };
  const items = itemsOf(step, sight);
  if (!items.ok) return items;
  const value: Json = items.value[item] ?? null;
  return { ok: true, value: itemSight(step, sight, value) };
}
