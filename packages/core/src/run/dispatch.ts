/** Attempts on their way to a worker. A command is made the same way each time it is sent. */
import type { DispatchTask, InputId, Json, StepInstance } from "@agentflow/protocol";
import type { PreparedStep } from "../plan/prepare.ts";
import { type Evaluated, evaluateInput } from "./evaluate.ts";
import { runLimits } from "./limits.ts";
import type { Sight } from "./scope.ts";
import { roughBytes } from "./sizes.ts";
import { type Work, emit, nowOf, runOf } from "./work.ts";

/** One attempt of a step, or of a forEach step's item, with what its expressions see. */
export interface Ready {
  readonly step: PreparedStep;
  readonly instance: StepInstance;
  readonly attempt: number;
  readonly sight: Sight;
}

/** Dispatches the attempt, or gives the failure of evaluating its input. */
export function dispatch(work: Work, ready: Ready): Evaluated<undefined> {
  const input = evaluateInput(ready.step.with, { sight: ready.sight, where: "with" });
  if (!input.ok) return input;
  const n = runOf(work).dispatched % runLimits.dispatchNumbers;
  const sent = { input: work.input.id, n };
  const { instance, attempt } = ready;
  emit(work, { kind: "task_dispatched", at: nowOf(work), step: instance, attempt, ...sent });
  work.commands.push(dispatchCommand(ready, { ...sent, with: input.value }));
  work.dispatches++;
  work.bytes += roughBytes(input.value);
  return { ok: true, value: undefined };
}

export function dispatchCommand(
  { step, instance, attempt }: Omit<Ready, "sight">,
  sent: { readonly input: InputId; readonly n: number; readonly with: Json },
): DispatchTask {
  const { uses, effect, pool, timeoutMs, select } = step.def;
  return {
    kind: "dispatch_task",
    input: sent.input,
    n: sent.n,
    step: instance,
    attempt,
    uses,
    with: { inline: sent.with },
    effect,
    pool,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(select === undefined ? {} : { select }),
    ...(attempt > 1 ? { again: true } : {}),
  };
}

/** What an item's expressions see: what its step sees, and the item under its names. */
export function itemSight(step: PreparedStep, sight: Sight, item: Json): Sight {
  const names: { [name: string]: Json } = { item };
  for (const name of step.forEach?.names ?? []) names[name] = item;
  return { ...sight, names };
}
