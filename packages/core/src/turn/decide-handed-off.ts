import { advance } from "./advance.ts";
import type { TurnInput } from "./input.ts";
import type { ActiveTurn } from "./state.ts";
import { type Work, emit } from "./work.ts";

type HandedOffInput = TurnInput & { readonly kind: "handed_off" };

/** Another agent goes on; the rules are its own from here. */
export function decideHandedOff(work: Work, loop: ActiveTurn, input: HandedOffInput): void {
  const state = loop.calls.get(input.call);
  if (state?.stage.kind !== "new") return;
  const { at, call, to, model, instructions } = input;
  emit(work, { kind: "handed_off", at, call, to, model, instructions });
  advance(work);
}
