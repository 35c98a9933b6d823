/** One decision in the making: events are folded as they are written down, so what follows sees them. */
import type { Failure, Instant, TurnEvent, Value } from "@agentflow/protocol";
import { evolveTurn } from "./evolve.ts";
import type { TurnCommand } from "./input.ts";
import type { TurnRules } from "./rules.ts";
import type { ActiveTurn, TurnState } from "./state.ts";

export interface Work {
  readonly rules: TurnRules;
  readonly at: Instant;
  state: TurnState;
  readonly events: TurnEvent[];
  readonly commands: TurnCommand[];
}

export function newWork(state: TurnState, rules: TurnRules, at: Instant): Work {
  return { rules, at, state, events: [], commands: [] };
}

export function emit(work: Work, event: TurnEvent): void {
  work.events.push(event);
  work.state = evolveTurn(work.state, event);
}

export function active({ state }: Work): ActiveTurn | undefined {
  return state.kind === "active" ? state : undefined;
}

/** The loop ends with the step's output. */
export function finish(work: Work, output: Value): void {
  emit(work, { kind: "agent_finished", at: work.at, output });
  work.commands.push({ kind: "finish", output });
}

/** `retryable`: another attempt of the step goes on from here. */
export function fail(work: Work, failure: Failure, { retryable }: { readonly retryable: boolean }): void {
  emit(work, { kind: "agent_failed", at: work.at, failure, retryable });
  work.commands.push({ kind: "fail", failure, retryable });
}
