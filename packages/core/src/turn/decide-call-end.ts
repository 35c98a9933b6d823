import { advance } from "./advance.ts";
import type { TurnInput } from "./input.ts";
import { callAgent } from "./start-call.ts";
import { loseCall } from "./lose-call.ts";
import type { ActiveTurn, CallState } from "./state.ts";
import { type Work, emit } from "./work.ts";
import { unreachable } from "../run/unreachable.ts";

type CallEnd = Extract<
  TurnInput,
  { readonly kind: "call_returned" | "call_failed" | "call_lost" | "call_suspended" }
>;

/** How a call ended that this attempt made. Of any other it changes nothing. */
export function decideCallEnd(work: Work, loop: ActiveTurn, input: CallEnd): void {
  const state = loop.calls.get(input.call);
  if (state === undefined || !mayEnd(work, state, input)) return;
  record(work, state, input);
  advance(work);
}

function mayEnd({ rules }: Work, { stage, part }: CallState, input: CallEnd): boolean {
  if (stage.kind === "under_way") return true;
  // The agent that was to take over cannot.
  const isHandOff = rules.callables.get(part.tool)?.kind === "handoff";
  return isHandOff && stage.kind === "new" && input.kind === "call_failed";
}

function record(work: Work, state: CallState, input: CallEnd): void {
  const { at, call } = input;
  const sandbox = "sandbox" in input && input.sandbox !== undefined ? { sandbox: input.sandbox } : {};
  switch (input.kind) {
    case "call_returned":
      return emit(work, { kind: "call_returned", at, call, output: input.output, ms: input.ms, ...sandbox });
    case "call_failed":
      return emit(work, { kind: "call_failed", at, call, failure: input.failure, ms: input.ms, ...sandbox });
    case "call_lost":
      return loseCall(work, state, { reason: input.reason, ...sandbox });
    case "call_suspended":
      return suspend(work, state, input);
    default:
      return unreachable(input);
  }
}

function suspend(
  work: Work,
  state: CallState,
  { at, call, asks }: CallEnd & { kind: "call_suspended" },
): void {
  // Nothing to wait for: it goes on at once.
  if (asks.length === 0) return callAgent(work, state);
  emit(work, { kind: "call_suspended", at, call, asks });
}
