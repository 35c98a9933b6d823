/** A step that runs once for each item of a list, so many at a time, and gives the list of what they gave. */
import { type Json, type StepId, type StepInstance, itemInstance, wholeStep } from "@agentflow/protocol";
import type { PreparedStep } from "../plan/prepare.ts";
import { beginTask } from "./begin-task.ts";
import { itemSight } from "./dispatch.ts";
import { type Evaluated, inlineOf } from "./evaluate.ts";
import { failInstance, failStep } from "./fail.ts";
import { itemsOf } from "./items.ts";
import { refTo } from "./scope.ts";
import { sightNow, sightSince } from "./sight.ts";
import { fitsInline } from "./sizes.ts";
import type { ExpandedStep, ItemState } from "./state.ts";
import { type Work, emit, isActive, isFull, nowOf, runOf } from "./work.ts";

export function expand(work: Work, step: PreparedStep): Evaluated<undefined> {
  const items = itemsOf(step, sightNow(work));
  if (!items.ok) return items;
  const instance = wholeStep(step.id);
  const count = items.value.length;
  emit(work, { kind: "step_expanded", at: nowOf(work), step: instance, count });
  work.expanding.add(step.id);
  return { ok: true, value: undefined };
}

/** Opens items while there is room for them, and ends the step after the last. */
export function fillItems(work: Work, id: StepId): void {
  const step = work.plan.steps.get(id);
  const parent = expandedAt(work, id);
  if (step?.forEach === undefined || parent === undefined) return;
  if (parent.done === parent.count) return finish(work, id, parent);
  let at: ExpandedStep | undefined = parent;
  while (at !== undefined && at.next < at.count && at.active < step.forEach.maxParallel) {
    if (isFull(work)) {
      work.cut = true;
      return;
    }
    openItem(work, step, { parent: at, n: at.next });
    at = isActive(work) ? expandedAt(work, id) : undefined;
  }
}

/** Dispatches an attempt of an item; when its input cannot be had, the item fails. */
function openItem(work: Work, step: PreparedStep, { parent, n }: { parent: ExpandedStep; n: number }): void {
  const instance = itemInstance(step.id, n);
  const sight = sightSince(runOf(work), work.run, parent.since);
  const items = itemsOf(step, sight);
  if (!items.ok) return failInstance(work, instance, items.failure);
  const seen = itemSight(step, sight, items.value[n] ?? null);
  const sent = beginTask(work, { step, instance, attempt: 1, sight: seen });
  if (!sent.ok) failInstance(work, instance, sent.failure);
}

function finish(work: Work, id: StepId, parent: ExpandedStep): void {
  const list = parent.items.map(outputOf);
  const step: StepInstance = wholeStep(id);
  if (fitsInline(list)) {
    return emit(work, { kind: "step_succeeded", at: nowOf(work), step, output: { inline: list } });
  }
  const message =
    `the outputs of its ${parent.count} items take more than 64 KiB of JSON together; ` +
    "give the step a `select` that picks what later steps need";
  failStep(work, id, { code: "output_not_inline", message });
}

/** What an item stands for in the list: what was selected, its output, or a reference to it. */
function outputOf(item: ItemState | undefined): Json {
  if (item?.kind !== "succeeded") return null;
  if (item.selected !== undefined) return item.selected;
  return "blob" in item.output ? refTo(item.output) : (inlineOf(item.output) ?? null);
}

function expandedAt(work: Work, id: StepId): ExpandedStep | undefined {
  const state = runOf(work).steps.get(id);
  return state?.kind === "expanded" ? state : undefined;
}
