import { nextModel } from "./model-order.ts";
import { type Reservation, reserve } from "./reserve.ts";
import { isWaiting } from "./state.ts";
import { type Work, active, emit, fail } from "./work.ts";

/** The next model call, when the budget has room for it; else the loop ends. */
export function askModel(work: Work): void {
  const loop = active(work);
  if (loop === undefined) return;
  const { at, rules } = work;
  if (rules.deadline !== undefined && at >= rules.deadline) return failLate(work);
  // Whoever failed last was told of by then; a loop that was reopened tries each model anew.
  const model = nextModel(loop, rules) ?? loop.model;
  const reservation = reserve(loop, rules, { model, at });
  if (reservation.kind === "exhausted") return fail(work, reservation.failure, { retryable: false });
  const call = { n: loop.modelCalls + 1, turn: loop.replies + 1, model };
  emit(work, { kind: "model_called", at, ...call, reserved: reservation.reserved });
  const wait = isWaiting(loop, at) ? { notBefore: loop.retryAt } : {};
  work.commands.push({ kind: "call_model", ...call, ...maxOf(reservation), ...wait });
}

function maxOf({ maxOutputTokens }: Reservation & { readonly kind: "reserved" }): {
  maxOutputTokens?: number;
} {
  return maxOutputTokens === undefined ? {} : { maxOutputTokens };
}

function failLate(work: Work): void {
  const message = "the step's time was up before the next model call";
  fail(work, { code: "timeout", message }, { retryable: true });
}
