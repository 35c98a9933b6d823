import { instant, unixMs } from "@agentflow/protocol";
import { askModel } from "./ask-model.ts";
import type { TurnInput } from "./input.ts";
import { isPassing, modelDelayMs, nextModel } from "./model-order.ts";
import type { ActiveTurn } from "./state.ts";
import { type Work, active, emit, fail } from "./work.ts";

export type ModelFailedInput = TurnInput & { readonly kind: "model_failed" };

/** The same model again after a pause, then its fallbacks; when none has a try left, the loop ends. */
export function decideModelFailed(work: Work, loop: ActiveTurn, input: ModelFailedInput): void {
  const { asking } = loop;
  if (asking?.n !== input.n) return;
  const { at, n, failure, ms } = input;
  const { turn, model } = asking;
  const failures = [...loop.failures, { model, failure }];
  const next = nextModel({ ...loop, failures }, work.rules);
  const begun = input.begun === true ? ({ begun: true } as const) : {};
  const base = { kind: "model_failed", at, n, turn, model, failure, ...begun, ms } as const;
  if (next === undefined) {
    emit(work, base);
    const retryable = active(work)?.failures.some((one) => isPassing(one.failure)) ?? false;
    return fail(work, failure, { retryable });
  }
  const tries = failures.filter((one) => one.model === model).length;
  const retryAt = next === model ? instant(unixMs(at) + modelDelayMs(failure, tries)) : at;
  emit(work, { ...base, retryAt });
  askModel(work);
}
