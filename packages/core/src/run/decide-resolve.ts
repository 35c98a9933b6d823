import type { ResolveInput } from "@agentflow/protocol";
import { checkClientInput } from "./client-input.ts";
import { taskAt } from "./evolve-attempt.ts";
import { failInstance } from "./fail.ts";
import { placeOf } from "./place.ts";
import { redispatch } from "./redispatch.ts";
import type { UnknownTask } from "./state.ts";
import { type Verdict, accepted, refuseAbsent, runAlreadyEnded } from "./verdict.ts";
import { type Work, emit, runOf } from "./work.ts";

/** A person says what became of a call whose outcome nobody else knows. */
export function decideResolve(work: Work, input: ResolveInput): Verdict {
  const known = checkClientInput(work, input.id);
  if (known !== undefined) return known;
  if (work.draft.run.kind !== "active") return runAlreadyEnded;
  const task = taskAt(runOf(work), placeOf(input.step));
  if (task?.kind !== "unknown") {
    return refuseAbsent("step_not_unknown", `the outcome of ${input.step} is not in question`);
  }
  settle(work, input, task);
  return accepted;
}

function settle(work: Work, input: ResolveInput, task: UnknownTask): void {
  const { at, step } = input;
  const { attempt } = task.tries;
  const by = input.by === undefined ? "" : ` by ${input.by}`;
  switch (input.as) {
    case "done":
      return emit(work, {
        kind: "step_succeeded",
        at,
        step,
        attempt,
        output: input.output ?? { inline: null },
      });
    case "failed": {
      const message = input.message ?? `said to have failed${by}`;
      return failInstance(work, step, { code: "resolved_as_failed", message });
    }
    case "retry":
      emit(work, { kind: "attempt_lost", at, step, attempt, reason: `to be tried again, as decided${by}` });
      return redispatch(work, step);
  }
}
