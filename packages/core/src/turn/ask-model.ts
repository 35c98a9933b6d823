import type { Instant, ModelCalled } from "@agentflow/protocol";
import { nextModel } from "./model-order.ts";
import { type Reservation, reserve } from "./reserve.ts";
import { type Work, active, emit, fail } from "./work.ts";

/** The next model call, when the budget has room for it; else the loop ends. */
export function askModel(work: Work, notBefore?: Instant): void {
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
  command(work, call, { ...maxOf(reservation), ...(notBefore === undefined ? {} : { notBefore }) });
}

/** The call is in the journal, but its time has not come: whoever wrote it cannot have made it. */
export function repeatModelCall(work: Work, { n, turn, model }: ModelCalled, notBefore: Instant): void {
  const loop = active(work);
  if (loop === undefined) return;
  const reservation = reserve(loop, work.rules, { model, at: work.at });
  if (reservation.kind === "exhausted") return fail(work, reservation.failure, { retryable: false });
  command(work, { n, turn, model }, { ...maxOf(reservation), notBefore });
}

function maxOf({ maxOutputTokens }: Reservation & { readonly kind: "reserved" }): {
  maxOutputTokens?: number;
} {
  return maxOutputTokens === undefined ? {} : { maxOutputTokens };
}

function command(
  work: Work,
  call: { readonly n: number; readonly turn: number; readonly model: string },
  how: { readonly maxOutputTokens?: number; readonly notBefore?: Instant },
): void {
  work.commands.push({ kind: "call_model", ...call, ...how });
}

function failLate(work: Work): void {
  const message = "the step's time was up before the next model call";
  fail(work, { code: "timeout", message }, { retryable: true });
}
