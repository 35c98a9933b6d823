/** Facts are folded here and nowhere else. What a history says that cannot be is thrown: the step parks. */
import type {
  AgentFailed,
  AgentFinished,
  AgentStarted,
  AttemptTookOver,
  JournalRecord,
  ModelReplied,
  TurnEvent,
} from "@agentflow/protocol";
import { unixMs } from "@agentflow/protocol";
import { broken } from "../run/draft.ts";
import { unreachable } from "../run/unreachable.ts";
import { evolveCall } from "./evolve-call.ts";
import { charsOf, toldChars } from "./lengths.ts";
import {
  type CallState,
  type Entry,
  type Loop,
  type TurnState,
  emptyTurn,
  isWaiting,
  noneSpent,
} from "./state.ts";
import { spentOnLost, spentOnReply } from "./spent.ts";

/** The state after one more fact; the state given is left as it was. */
export function evolveTurn(state: TurnState, event: TurnEvent): TurnState {
  if (event.kind === "attempt_took_over") return takeOver(state, event);
  if (event.kind === "agent_started") return start(state, event);
  if (state.kind === "absent") throw broken(`${event.kind} needs a loop that has started`);
  if (state.kind === "ended") throw broken(`${event.kind} comes after the loop's end`);
  if (event.kind === "agent_finished" || event.kind === "agent_failed") return end(state, event);
  return { ...evolveLoop(state, event), kind: "active", lastAt: event.at };
}

/** The state that a journal leads to, from its first record on. */
export function foldTurn(records: Iterable<JournalRecord>): TurnState {
  let state = emptyTurn;
  for (const { events } of records) for (const event of events) state = evolveTurn(state, event);
  return state;
}

function takeOver(state: TurnState, event: AttemptTookOver): TurnState {
  if (state.kind === "absent") return { kind: "absent", tookOver: event };
  const { attempt, worker, at } = event;
  const taken = {
    attempt,
    worker,
    tookOverAt: at,
    lastAt: at,
    workedMs: state.workedMs + sinceTakeover(state, state.lastAt),
    calls: woken(state.calls),
  };
  if (state.kind === "active") return { ...state, ...taken };
  if (!isReopenedBy(state, event)) return { ...state, ...taken, attempt: Math.max(attempt, state.attempt) };
  const { end: _end, retryAt: _retryAt, ...loop } = state;
  return { ...loop, ...taken, kind: "active", failures: [] };
}

/** A failure that another attempt may get over: it goes on from where the loop stood. */
export function isReopenedBy(state: TurnState, next: { readonly attempt: number }): boolean {
  if (state.kind !== "ended" || state.end.kind !== "agent_failed") return false;
  return state.end.retryable && next.attempt > state.attempt;
}

export function sinceTakeover(loop: Loop, at: string): number {
  return Math.max(0, unixMs(at) - unixMs(loop.tookOverAt));
}

/** Sub-agents that wait are called again by each attempt, and losses count within one: see `lossesMax`. */
function woken(calls: Loop["calls"]): Loop["calls"] {
  const next = new Map(calls);
  for (const [id, call] of calls) {
    const { stage } = call;
    if (stage.kind === "suspended") {
      next.set(id, { ...call, losses: 0, stage: { kind: "under_way", started: stage.started } });
    } else if (call.losses > 0) next.set(id, { ...call, losses: 0 });
  }
  return next;
}

function start(state: TurnState, event: AgentStarted): TurnState {
  if (state.kind !== "absent") throw broken("a loop starts once");
  if (state.tookOver === undefined) throw broken("a loop is started by an attempt");
  const { attempt, worker, at } = state.tookOver;
  return {
    kind: "active",
    attempt,
    worker,
    tookOverAt: at,
    lastAt: event.at,
    workedMs: 0,
    started: event,
    agent: event.agent,
    model: event.model,
    entries: [],
    calls: new Map(),
    replies: 0,
    modelCalls: 0,
    agentCalls: 0,
    failures: [],
    spent: noneSpent,
    chars: charsOf(event.messages),
  };
}

function end(state: Loop, event: AgentFinished | AgentFailed): TurnState {
  return { ...state, kind: "ended", lastAt: event.at, end: event };
}

type LoopEvent = Exclude<
  TurnEvent,
  { readonly kind: "attempt_took_over" | "agent_started" | "agent_finished" | "agent_failed" }
>;

function evolveLoop(loop: Loop, event: LoopEvent): Loop {
  switch (event.kind) {
    case "model_called":
      return { ...without(loop), asking: event, modelCalls: event.n };
    case "model_replied":
      return reply(loop, event);
    case "model_failed": {
      const { model, failure, retryAt, begun } = event;
      const failures = [...loop.failures, { model, failure }];
      const { retryAt: _retryAt, ...rest } = without(loop);
      const spent = begun === true ? spentOnLost(loop.spent, loop.asking) : loop.spent;
      return { ...rest, failures, spent, ...(retryAt === undefined ? {} : { retryAt }) };
    }
    case "model_lost":
      // Before its time nobody has called, so nothing was spent.
      if (isWaiting(loop, event.at)) return without(loop);
      return { ...without(loop), spent: spentOnLost(loop.spent, loop.asking) };
    case "reply_rejected": {
      const { turn, problem } = event;
      const entries = [...loop.entries, { kind: "rejected", turn, problem } as const];
      return { ...loop, entries, chars: loop.chars + problem.length };
    }
    case "handed_off":
      return handOff(evolveCall(loop, event), event);
    case "call_refused":
    case "call_asked":
    case "call_answered":
    case "call_started":
    case "call_returned":
    case "call_failed":
    case "call_lost":
    case "call_suspended":
    case "call_unknown":
    case "call_resolved":
      return evolveCall(loop, event);
    default:
      return unreachable(event);
  }
}

function reply(loop: Loop, event: ModelReplied): Loop {
  const { turn, reply: said, model } = event;
  const calls = new Map<string, CallState>();
  for (const part of said.parts) {
    if (part.kind !== "call") continue;
    const call = `${turn}-${calls.size + 1}`;
    calls.set(call, { call, turn, part, stage: { kind: "new" }, losses: 0, settled: 0 });
  }
  const { retryAt: _retryAt, ...rest } = without(loop);
  return {
    ...rest,
    entries: [...withEnds(loop), { kind: "reply", turn, reply: said }],
    calls,
    replies: turn,
    answered: model,
    failures: [],
    spent: spentOnReply(loop.spent, event),
    chars: loop.chars + toldChars(said.parts),
    counted: { chars: loop.chars, tokens: said.usage.inputTokens },
  };
}

/** What the last reply asked for stands with it from here. */
function withEnds(loop: Loop): readonly Entry[] {
  const at = loop.entries.findLastIndex(({ kind }) => kind === "reply");
  const last = loop.entries[at];
  return last?.kind === "reply"
    ? loop.entries.with(at, { ...last, ended: [...loop.calls.values()] })
    : loop.entries;
}

function handOff(loop: Loop, event: TurnEvent & { readonly kind: "handed_off" }): Loop {
  const { answered: _answered, ...rest } = loop;
  const { to, model, instructions } = event;
  return { ...rest, agent: to, model, instructions, chars: loop.chars + instructions.length };
}

/** Nothing is asked any more. */
function without(loop: Loop): Loop {
  const { asking: _asking, ...rest } = loop;
  return rest;
}
