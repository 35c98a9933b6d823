/** Attempts on their way to a worker. A command is made the same way each time it is sent. */
import type { Answer, DispatchTask, InputId, Json, StepInstance, TaskBudget } from "@agentflow/protocol";
import type { PreparedStep } from "../plan/prepare.ts";
import { shareOf } from "./budget.ts";
import { type Evaluated, evaluateInput } from "./evaluate.ts";
import { taskAt } from "./evolve-attempt.ts";
import { runLimits } from "./limits.ts";
import { placeOf } from "./place.ts";
import type { Sight } from "./scope.ts";
import { jsonBytes, roughBytes } from "./sizes.ts";
import { noTries } from "./state.ts";
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
  const { instance, attempt } = ready;
  const input = inputOf(work, ready);
  if (!input.ok) return input;
  const share = shareOf(work.plan, runOf(work), instance);
  if (!share.ok) return { ok: false, failure: { code: "budget_exhausted", message: share.message } };
  const given = share.budget === undefined ? {} : { budget: share.budget };
  const { answers } = taskAt(runOf(work), placeOf(instance))?.tries ?? noTries;
  if (answers !== undefined && jsonBytes(answers) > runLimits.answersBytesMax) return tooMuchSaid;
  const n = runOf(work).dispatched % runLimits.dispatchNumbers;
  const sent = { input: work.input.id, n };
  emit(work, { kind: "task_dispatched", at: nowOf(work), step: instance, attempt, ...sent, ...given });
  work.commands.push(dispatchCommand(ready, { ...sent, ...given, answers, with: input.value }));
  work.dispatches++;
  work.bytes += roughBytes(input.value);
  return { ok: true, value: undefined };
}

/** Each attempt of an agent is told all that people said; what is longer could be sent to nobody. */
const tooMuchSaid: Evaluated<undefined> = {
  ok: false,
  failure: {
    code: "limit_exceeded",
    message: `what people answered is over ${runLimits.answersBytesMax} bytes: no attempt can be told`,
  },
};

/** What a person approved is what is sent, letter by letter; else what the step's expressions give. */
function inputOf(work: Work, { step, instance, sight }: Ready): Evaluated<Json> {
  const approved = taskAt(runOf(work), placeOf(instance))?.tries.approved;
  if (approved !== undefined) return { ok: true, value: approved.input };
  return evaluateInput(step.with, { sight, where: "with" });
}

export interface Sent {
  readonly input: InputId;
  readonly n: number;
  readonly with: Json;
  readonly answers: readonly Answer[] | undefined;
  readonly budget?: TaskBudget;
}

export function dispatchCommand({ step, instance, attempt }: Omit<Ready, "sight">, sent: Sent): DispatchTask {
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
    ...(sent.answers === undefined ? {} : { answers: sent.answers }),
    ...(sent.budget === undefined ? {} : { budget: sent.budget }),
    ...(attempt > 1 ? { again: true } : {}),
  };
}

/** What an item's expressions see: what its step sees, and the item under its names. */
export function itemSight(step: PreparedStep, sight: Sight, item: Json): Sight {
  const names: { [name: string]: Json } = { item };
  for (const name of step.forEach?.names ?? []) names[name] = item;
  return { ...sight, names };
}
