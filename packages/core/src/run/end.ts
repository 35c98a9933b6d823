/** How a run ends. Timers end with it: one that fires later finds nothing that waits for it. */
import type { Failure, StepInstance } from "@agentflow/protocol";
import { evaluateValue } from "./evaluate.ts";
import { sightNow } from "./sight.ts";
import { stopAll } from "./stop.ts";
import { type Work, emit, nowOf, runOf } from "./work.ts";

/** Every step has ended: the run's output is worked out, or the run fails for want of it. */
export function completeRun(work: Work): void {
  const output = evaluateValue(work.plan.output, { sight: sightNow(work), where: "output" });
  if (output.ok) return emit(work, { kind: "run_completed", at: nowOf(work), output: output.value });
  const { code, message, details } = output.failure;
  failRun(work, { code: "output_failed", message, details: { ...details, cause: code } });
}

export function failRun(work: Work, failure: Failure, step?: StepInstance): void {
  const stops = stopAll(runOf(work));
  const of = step === undefined ? {} : { step };
  emit(work, { kind: "run_failed", at: nowOf(work), failure, ...of });
  work.commands.push(...stops);
}

export function cancelRun(work: Work, given: { readonly reason: string; readonly by?: string }): void {
  const stops = stopAll(runOf(work));
  const { reason, by } = given;
  emit(work, { kind: "run_cancelled", at: nowOf(work), reason, ...(by === undefined ? {} : { by }) });
  work.commands.push(...stops);
}
