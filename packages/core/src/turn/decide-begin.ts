import { isReopenedBy } from "./evolve.ts";
import { useAnswers } from "./answers.ts";
import { takeUpReply } from "./decide-reply.ts";
import { callAgent } from "./start-call.ts";
import type { TurnInput } from "./input.ts";
import { loseCall } from "./lose-call.ts";
import type { ActiveTurn, EndedTurn } from "./state.ts";
import { type Work, active, emit } from "./work.ts";

type Begin = TurnInput & { readonly kind: "begin" };

/**
 * An attempt takes the journal over. What earlier ones had under way is taken for lost; what they had only
 * decided is done now. An attempt that comes after a later one gets nothing: it stops.
 */
export function decideBegin(work: Work, input: Begin): void {
  const { state } = work;
  if (state.kind !== "absent" && input.attempt < state.attempt) return;
  const { at, attempt, worker } = input;
  emit(work, { kind: "attempt_took_over", at, attempt, worker });
  if (state.kind === "ended" && !isReopenedBy(state, input)) return repeatEnd(work, state);
  if (state.kind === "absent") start(work, input);
  const loop = active(work);
  if (loop === undefined) return;
  loseModelCall(work, loop);
  for (const call of loop.calls.values()) {
    if (call.stage.kind !== "under_way") continue;
    const { uses, effect } = call.stage.started;
    if (uses.startsWith("agent:") && effect !== "irreversible") callAgent(work, call);
    else loseCall(work, call, { reason: `attempt ${loop.attempt} took over` });
  }
  useAnswers(work, input.answers);
  takeUpReply(work);
}

function start(work: Work, { at, messages, session }: Begin): void {
  const { agent, spec } = work.rules;
  const memory = session === undefined ? {} : { session };
  emit(work, { kind: "agent_started", at, agent, model: spec.model, messages, ...memory });
}

/** Also before its time had come: whoever waits for that may be there yet, by a clock of their own. */
function loseModelCall(work: Work, { asking }: ActiveTurn): void {
  if (asking === undefined) return;
  emit(work, { kind: "model_lost", at: work.at, n: asking.n, turn: asking.turn });
}

/** The end is in the journal, but perhaps nobody was told. */
function repeatEnd(work: Work, { end }: EndedTurn): void {
  if (end.kind === "agent_finished") work.commands.push({ kind: "finish", output: end.output });
  else work.commands.push({ kind: "fail", failure: end.failure, retryable: end.retryable });
}
