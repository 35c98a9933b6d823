/** What comes next once an input was taken in: calls first, then people, then the model. */
import type { Ask } from "@agentflow/protocol";
import { askModel } from "./ask-model.ts";
import { turnLimits } from "./limits.ts";
import { startCalls } from "./start-call.ts";
import { type ActiveTurn, type CallState, callsOf, inputOf, isSettled } from "./state.ts";
import { type Work, active, fail } from "./work.ts";

export function advance(work: Work): void {
  if (active(work)?.asking !== undefined) return;
  startCalls(work);
  const loop = active(work);
  if (loop === undefined) return;
  const open = [...loop.calls.values()].filter((call) => !isSettled(call));
  if (open.some(({ stage }) => stage.kind === "under_way")) return;
  const asks = open.flatMap((call) => asksOf(work, call));
  if (asks.length > 0) return void work.commands.push({ kind: "suspend", asks });
  const [handOff] = open;
  if (handOff === undefined) return goOn(work, loop);
  const rule = work.rules.callables.get(handOff.part.tool);
  if (rule?.kind === "handoff") {
    work.commands.push({ kind: "hand_off", call: handOff.call, to: rule.agent });
  }
}

/** What people have to be asked of a call, those of a sub-agent's journal included. */
export function asksOf(
  work: { readonly rules: { readonly step: string } },
  state: CallState,
): readonly Ask[] {
  const { stage } = state;
  const call = `${work.rules.step}/${state.call}`;
  if (stage.kind === "suspended") return stage.asks;
  if (stage.kind === "asked") {
    const { tool, shown, hash, expiresMs } = stage.ask;
    return [{ kind: "approval", call, tool, shown, hash, expiresMs }];
  }
  if (stage.kind !== "unknown") return [];
  const tool = stage.started.uses.replace(/^tool:/, "");
  return [{ kind: "unknown", call, tool, reason: stage.reason, input: inputOf(state) }];
}

function goOn(work: Work, loop: ActiveTurn): void {
  if (stuckTurns(loop) < turnLimits.stuckTurnsMax) return askModel(work);
  const refused = [...loop.calls.values()].slice(0, turnLimits.problemsTold);
  const names = refused.map(({ part }) => part.tool.slice(0, turnLimits.toolNameMax));
  const [first] = refused;
  const reason = first?.stage.kind === "refused" ? first.stage.message : "";
  const message =
    `the agent asked for nothing but calls that were refused, ${turnLimits.stuckTurnsMax} times in a row; ` +
    `at last ${names[0] ?? ""}: ${reason}`;
  const details = { refused: names };
  fail(work, { code: "agent_stuck", message, details }, { retryable: false });
}

/** Replies, from the last back, of whose calls none was made. What a person denied is no such call. */
function stuckTurns(loop: ActiveTurn): number {
  let turns = 0;
  for (const entry of loop.entries.toReversed()) {
    const calls = callsOf(loop, entry);
    if (calls.length === 0 || !calls.every(isNeverMade)) break;
    turns++;
  }
  return turns;
}

function isNeverMade({ stage }: CallState): boolean {
  return stage.kind === "refused" && stage.reason !== "denied" && stage.reason !== "expired";
}
