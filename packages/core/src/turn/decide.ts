/**
 * Decides one input: the events to journal, and what to do once they are there. Pure, never async; throws
 * only on a bug or a history that does not fit together. The rules are those of the agent that has the
 * conversation: `state.agent`, and of the one that takes over with `handed_off`.
 */
import { AgentFlowError } from "@agentflow/protocol";
import { unreachable } from "../run/unreachable.ts";
import { decideBegin } from "./decide-begin.ts";
import { decideCallEnd } from "./decide-call-end.ts";
import { decideHandedOff } from "./decide-handed-off.ts";
import { decideModelFailed } from "./decide-model-failed.ts";
import { decideReply } from "./decide-reply.ts";
import { decideStopped } from "./decide-stopped.ts";
import type { TurnDecision, TurnInput } from "./input.ts";
import type { TurnRules } from "./rules.ts";
import type { TurnState } from "./state.ts";
import { type Work, newWork } from "./work.ts";

export function decideTurn(state: TurnState, rules: TurnRules, input: TurnInput): TurnDecision {
  const agent = input.kind === "handed_off" ? input.to : state.kind === "absent" ? rules.agent : state.agent;
  if (rules.agent !== agent) throw wrongRules(agent, rules);
  const work = newWork(state, rules, input.at);
  decideOne(work, input);
  return { events: work.events, commands: work.commands };
}

function decideOne(work: Work, input: TurnInput): void {
  if (input.kind === "begin") return decideBegin(work, input);
  const { state } = work;
  // What comes late changes nothing.
  if (state.kind !== "active") return;
  switch (input.kind) {
    case "model_replied":
      return decideReply(work, state, input);
    case "model_failed":
      return decideModelFailed(work, state, input);
    case "call_returned":
    case "call_failed":
    case "call_lost":
    case "call_suspended":
      return decideCallEnd(work, state, input);
    case "handed_off":
      return decideHandedOff(work, state, input);
    case "stopped":
      return decideStopped(work, state, input);
    default:
      return unreachable(input);
  }
}

function wrongRules(agent: string, rules: TurnRules): AgentFlowError {
  return new AgentFlowError("internal", `a loop of the agent ${agent} was given the rules of ${rules.agent}`);
}
