/** Where an attempt stands, for whoever speaks of it: its worker, another worker, a person. */
import type { StepInstance } from "@agentflow/protocol";
import { triesOf } from "./draft.ts";
import { taskAt } from "./evolve-attempt.ts";
import { type Place, placeOf } from "./place.ts";
import { type ActiveRun, type RunningTask, type Tries, type UnknownTask, pastAttempt } from "./state.ts";
import { type Verdict, refuseAbsent } from "./verdict.ts";

export type Standing =
  | { readonly kind: "open"; readonly task: RunningTask | UnknownTask }
  | { readonly kind: "settled" | "lost" | "never" };

export function standingOf(
  run: Pick<ActiveRun, "steps">,
  { step, attempt }: { readonly step: StepInstance; readonly attempt: number },
): Standing {
  const place = placeOf(step);
  const task = taskAt(run, place);
  const isOut = task?.kind === "running" || task?.kind === "unknown";
  if (isOut && task.tries.attempt === attempt) return { kind: "open", task };
  const tries = triesAt(run, place);
  return { kind: tries === undefined ? "never" : pastAttempt(tries, attempt) };
}

export function attemptUnknown({ step, attempt }: { step: StepInstance; attempt: number }): Verdict {
  return refuseAbsent("attempt_unknown", `the run does not wait for attempt ${attempt} of ${step}`);
}

function triesAt(run: Pick<ActiveRun, "steps">, { id, item }: Place): Tries | undefined {
  const { tries, items } = triesOf(run.steps.get(id));
  return item === undefined ? tries : items?.[item];
}
