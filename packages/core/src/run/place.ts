import { type StepId, type StepInstance, splitInstance } from "@agentflow/protocol";

/** A step instance taken apart: the step, and for a forEach step's item its number. */
export interface Place {
  readonly id: StepId;
  readonly item: number | undefined;
}

export function placeOf(instance: StepInstance): Place {
  const { step, items } = splitInstance(instance);
  // Items have no items of their own: such a place holds nothing.
  return { id: step, item: items.length > 1 ? -1 : items[0] };
}

export function isItem(instance: StepInstance): boolean {
  return instance.includes("~");
}
