import {
  type StepCancelled,
  type StepCaught,
  type StepExpanded,
  type StepFailed,
  type StepId,
  type StepSkipped,
  type StepSucceeded,
  type StepWaiting,
  isInline,
} from "@agentflow/protocol";
import { type Draft, type MutableRun, broken, putItem, putStep, triesOf, writable } from "./draft.ts";
import { type Place, placeOf } from "./place.ts";
import {
  type ExpandedStep,
  type ItemState,
  type StepState,
  type Tries,
  noTries,
  pastTries,
} from "./state.ts";
import { unreachable } from "./unreachable.ts";
import { useUp } from "./use-up.ts";

type StepEvent =
  | StepExpanded
  | StepWaiting
  | StepSucceeded
  | StepFailed
  | StepCaught
  | StepSkipped
  | StepCancelled;

/** Facts about a step as a whole, or about one item of a forEach step. */
export function applyStep(draft: Draft, event: StepEvent): void {
  const run = writable(draft);
  const place = placeOf(event.step);
  if (place.item === undefined) {
    const next = nextStep(run, place.id, event);
    return putStep(run, place.id, useUp(run, next, event));
  }
  const next = useUp(run, nextItem(run, itemAt(run, place), event), event);
  putItem(draft, place.id, { item: place.item, next });
}

function nextStep(run: MutableRun, id: StepId, event: StepEvent): StepState {
  const before = run.steps.get(id);
  const { seq } = run;
  switch (event.kind) {
    case "step_expanded":
      return expanded(event, seq);
    case "step_waiting":
      return { kind: "waiting", at: event.at, since: seq, until: event.until };
    case "step_succeeded":
      return { ...succeeded(event, seq), ...triesOf(before), ...refs(before) };
    case "step_failed":
      return { kind: "failed", failure: event.failure, seq, ...triesOf(before) };
    case "step_caught":
      return caught(before, event, seq);
    case "step_skipped":
      return { kind: "skipped", reason: event.reason, seq, tries: noTries };
    case "step_cancelled":
      return { kind: "cancelled", reason: event.reason, seq, ...triesOf(before) };
    default:
      return unreachable(event);
  }
}

function nextItem(run: MutableRun, before: ItemState | undefined, event: StepEvent): ItemState {
  const tries = pastTries(before?.tries ?? noTries);
  const { seq } = run;
  switch (event.kind) {
    case "step_succeeded":
      return { ...succeeded(event, seq), tries };
    case "step_failed":
      return { kind: "failed", failure: event.failure, seq, tries };
    case "step_cancelled":
      return { kind: "cancelled", reason: event.reason, seq, tries: takenBack(before, tries) };
    default:
      throw broken(`${event.kind} is of a step as a whole, not of ${event.step}`);
  }
}

function itemAt(run: MutableRun, place: Place): ItemState | undefined {
  const parent = run.steps.get(place.id);
  return parent?.kind === "expanded" && place.item !== undefined ? parent.items[place.item] : undefined;
}

function expanded(event: StepExpanded, seq: number): ExpandedStep {
  const { count } = event;
  return { kind: "expanded", since: seq, count, items: [], next: 0, active: 0, done: 0, due: 0 };
}

function succeeded(event: StepSucceeded, seq: number) {
  const base = { kind: "succeeded", output: event.output, seq } as const;
  return event.selected === undefined ? base : { ...base, selected: event.selected };
}

/** A list of items of which some stand by reference: expressions may pass it on but not look into it. */
function refs(before: StepState | undefined): { holdsRefs?: true } {
  if (before?.kind !== "expanded") return {};
  return before.items.some((item) => item?.kind === "succeeded" && byRef(item)) ? { holdsRefs: true } : {};
}

function byRef(item: ItemState & { kind: "succeeded" }): boolean {
  return item.selected === undefined && !isInline(item.output);
}

function caught(before: StepState | undefined, event: StepCaught, seq: number): StepState {
  const { failure, output, handler, selected } = event;
  const past = triesOf(before);
  if (output !== undefined) {
    const ended = { kind: "caught", failure, output, seq, ...past } as const;
    return selected === undefined ? ended : { ...ended, selected };
  }
  if (handler === undefined) throw broken(`${event.step} was caught by nothing`);
  return { kind: "catching", since: seq, failure, handler, ...past };
}

/** The attempt that was open has ended without a result. */
function takenBack(before: ItemState | undefined, tries: Tries): Tries {
  // Any other has none open.
  if (before?.kind !== "running" && before?.kind !== "unknown") return tries;
  return { ...tries, lost: [...tries.lost, tries.attempt] };
}
