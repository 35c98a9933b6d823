import type { TurnInput } from "./input.ts";
import { asksOf } from "./advance.ts";
import { timeExhausted } from "./reserve.ts";
import type { ActiveTurn } from "./state.ts";
import { type Work, active, emit, fail } from "./work.ts";

type Stopped = TurnInput & { readonly kind: "stopped" };

/**
 * A cancelled run says so in its own history: nothing is written. Otherwise an irreversible call that was
 * under way, a sub-agent's too, is left to a person, as after any loss; without one the attempt fails, and
 * another may go on unless it is the agent's own time that is up.
 */
export function decideStopped(work: Work, loop: ActiveTurn, { at, failure }: Stopped): void {
  if (failure.code === "cancelled") {
    work.commands.push({ kind: "fail", failure, retryable: false });
    return;
  }
  const { asking } = loop;
  if (asking !== undefined) emit(work, { kind: "model_lost", at, n: asking.n, turn: asking.turn });
  for (const { call, stage } of loop.calls.values()) {
    if (stage.kind !== "under_way" || stage.started.effect !== "irreversible") continue;
    emit(work, { kind: "call_unknown", at, call, reason: failure.message });
  }
  const calls = [...(active(work)?.calls.values() ?? [])];
  const asks = calls.flatMap((call) => asksOf(work, call));
  if (asks.some(({ kind }) => kind === "unknown")) return void work.commands.push({ kind: "suspend", asks });
  const exhausted = timeExhausted(loop, work.rules, at);
  fail(work, exhausted ?? failure, { retryable: exhausted === undefined });
}
