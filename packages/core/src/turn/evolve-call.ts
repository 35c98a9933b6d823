import type { CallAnswered, CallResolved, CallStarted, TurnEvent } from "@agentflow/protocol";
import { broken } from "../run/draft.ts";
import { unreachable } from "../run/unreachable.ts";
import { charsOf, toldChars, toldOutputChars } from "./lengths.ts";
import type { CallStage, CallState, Loop } from "./state.ts";

export type CallEvent = Extract<TurnEvent, { readonly call: string }>;

/** What became of one call. */
export function evolveCall(loop: Loop, event: CallEvent): Loop {
  const call = loop.calls.get(event.call);
  if (call === undefined) throw broken(`${event.kind} of a call ${event.call} that nobody asked for`);
  if (event.kind === "call_started") return started(loop, call, event);
  const stage = stageAfter(call, event);
  const losses = call.losses + (event.kind === "call_lost" ? 1 : 0);
  const settled = call.settled + (event.kind === "call_resolved" ? 1 : 0);
  const chars = loop.chars + charsTold(stage);
  const sandbox = "sandbox" in event && event.sandbox !== undefined ? { sandbox: event.sandbox } : {};
  return { ...put(loop, { ...call, ...sandbox, stage, losses, settled }), chars };
}

function started(loop: Loop, call: CallState, event: CallStarted): Loop {
  const { spent, agentCalls } = loop;
  const next: CallState = { ...call, stage: { kind: "under_way", started: event } };
  if (event.uses.startsWith("agent:")) {
    if (call.child !== undefined) return put(loop, next);
    return { ...put(loop, { ...next, child: agentCalls }), agentCalls: agentCalls + 1 };
  }
  const isAgain = call.stage.kind === "lost" || call.settled > 0;
  const toolCalls = spent.toolCalls + (isAgain ? 0 : 1);
  return { ...put(loop, next), spent: { ...spent, toolCalls } };
}

function stageAfter(call: CallState, event: Exclude<CallEvent, CallStarted>): CallStage {
  switch (event.kind) {
    case "call_refused":
      return { kind: "refused", reason: event.reason, message: event.message };
    case "call_asked":
      return { kind: "asked", ask: event };
    case "call_answered":
      return answered(event);
    case "call_returned":
      return { kind: "returned", output: event.output };
    case "call_failed":
      return { kind: "failed", failure: event.failure };
    case "call_lost":
      return { kind: "lost", started: startOf(call) };
    case "call_suspended":
      return { kind: "suspended", started: startOf(call), asks: event.asks };
    case "call_unknown":
      return { kind: "unknown", started: startOf(call), reason: event.reason };
    case "call_resolved":
      return resolved(call, event);
    case "handed_off":
      return { kind: "handed", to: event.to };
    default:
      return unreachable(event);
  }
}

function answered({ approved, how, comment }: CallAnswered): CallStage {
  if (approved) return { kind: "approved" };
  return { kind: "denied", how, ...(comment === undefined ? {} : { comment }) };
}

function resolved(call: CallState, event: CallResolved): CallStage {
  switch (event.as) {
    case "done":
      return { kind: "returned", output: event.output ?? { inline: null } };
    case "failed": {
      const message = event.message ?? "a person said that the call failed";
      return { kind: "failed", failure: { code: "resolved_failed", message } };
    }
    case "retry":
      return { kind: "lost", started: startOf(call) };
    default:
      return unreachable(event.as);
  }
}

function startOf({ call, stage }: CallState): CallStarted {
  if ("started" in stage) return stage.started;
  throw broken(`call ${call} had not started`);
}

function charsTold(stage: CallStage): number {
  if (stage.kind === "returned") return toldOutputChars(charsOf(stage.output));
  if (stage.kind === "failed") return toldChars(stage.failure);
  return stage.kind === "refused" ? stage.message.length : 0;
}

function put(loop: Loop, call: CallState): Loop {
  return { ...loop, calls: new Map(loop.calls).set(call.call, call) };
}
