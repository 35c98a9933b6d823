/** The one copy of a state that a commit is built on. Steps are copied once a commit, items when written. */
import {
  AgentFlowError,
  type InputId,
  type RunStarted,
  type StepId,
  type UsageTotals,
} from "@agentflow/protocol";
import { type ExpandedStep, type ItemState, isEnded, isTask, noTries, pastTries } from "./state.ts";
import type { AbsentRun, ActiveRun, ApprovalState, EndedRun, RunState, StepState, Tries } from "./state.ts";

export interface Draft {
  run: AbsentRun | MutableRun | EndedRun;
  /** forEach steps whose list of items was copied already. */
  ownedItems: Map<StepId, (ItemState | undefined)[]> | undefined;
}

export interface MutableRun extends ActiveRun {
  steps: Map<StepId, StepState>;
  inputs: ReadonlySet<InputId>;
  seq: number;
  dispatched: number;
  open: number;
  approvals: readonly ApprovalState[];
  usage?: UsageTotals;
}

/** Never changes the state it was given. */
export function draftOf(state: RunState): Draft {
  if (state.kind !== "active") return { run: state, ownedItems: undefined };
  return { run: { ...state, steps: new Map(state.steps) }, ownedItems: undefined };
}

/** The run to write to. */
export function writable(draft: Draft): MutableRun {
  const { run } = draft;
  if (run.kind !== "active") throw broken(`an event needs a run that goes on, this one is ${run.kind}`);
  return run;
}

export function begin(draft: Draft, started: RunStarted): void {
  if (draft.run.kind !== "absent") throw broken("a run starts once");
  const none = { seq: 1, dispatched: 0, open: 0, approvals: [] };
  draft.run = { kind: "active", started, steps: new Map(), inputs: new Set(), ...none };
}

export function putStep(run: MutableRun, id: StepId, next: StepState): void {
  const before = run.steps.get(id);
  const wasOpen = before !== undefined && !isEnded(before);
  const nowOpen = !isEnded(next);
  if (wasOpen !== nowOpen) run.open += nowOpen ? 1 : -1;
  run.steps.set(id, next);
}

export function putItem(draft: Draft, id: StepId, change: { item: number; next: ItemState }): void {
  const run = writable(draft);
  const parent = run.steps.get(id);
  if (parent?.kind !== "expanded") throw broken(`${id} has no items`);
  const items = ownItems(draft, id, parent);
  const before = items[change.item];
  items[change.item] = change.next;
  run.steps.set(id, { ...parent, items, ...counted(parent, before, change) });
}

function ownItems(draft: Draft, id: StepId, parent: ExpandedStep): (ItemState | undefined)[] {
  draft.ownedItems ??= new Map();
  const own = draft.ownedItems.get(id);
  if (own !== undefined) return own;
  const copy = parent.items.slice();
  draft.ownedItems.set(id, copy);
  return copy;
}

function counted(
  parent: ExpandedStep,
  before: ItemState | undefined,
  change: { item: number; next: ItemState },
): Pick<ExpandedStep, "next" | "active" | "done" | "due"> {
  const { item, next } = change;
  const active = parent.active + (isTask(next) ? 1 : 0) - (before !== undefined && isTask(before) ? 1 : 0);
  const done = parent.done + (next.kind === "succeeded" ? 1 : 0);
  const due = parent.due + (next.kind === "due" ? 1 : 0) - (before?.kind === "due" ? 1 : 0);
  return { next: Math.max(parent.next, item + 1), active, done, due };
}

/** What is kept of a step's attempts once it has ended. */
export function triesOf(state: StepState | undefined): {
  tries: Tries;
  items?: readonly (Tries | undefined)[];
} {
  if (state === undefined || state.kind === "waiting") return { tries: noTries };
  if (state.kind === "expanded") return { tries: noTries, items: state.items.map((item) => item?.tries) };
  const items = "items" in state ? state.items : undefined;
  const tries = pastTries(state.tries);
  return items === undefined ? { tries } : { tries, items };
}

export function broken(message: string): AgentFlowError {
  return new AgentFlowError("internal", `the history does not fit together: ${message}`, {
    reason: "history_incompatible",
    suggestions: ["this build may be older than the run: use the newer one"],
  });
}
