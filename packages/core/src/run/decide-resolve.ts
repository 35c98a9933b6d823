import type { ResolveInput } from "@agentflow/protocol";
import { checkClientInput } from "./client-input.ts";
import { goOn } from "./decide-approval.ts";
import { taskAt } from "./evolve-attempt.ts";
import { failInstance } from "./fail.ts";
import { placeOf } from "./place.ts";
import { redispatch } from "./redispatch.ts";
import type { AskingTask, UnknownTask } from "./state.ts";
import { type Verdict, accepted, refuse, refuseAbsent, runAlreadyEnded } from "./verdict.ts";
import { type Work, emit, runOf } from "./work.ts";

/** A person says what became of a call whose outcome nobody else knows. */
export function decideResolve(work: Work, input: ResolveInput): Verdict {
  const known = checkClientInput(work, input.id);
  if (known !== undefined) return known;
  if (work.draft.run.kind !== "active") return runAlreadyEnded;
  const task = taskAt(runOf(work), placeOf(input.step));
  if (task?.kind === "asking" && task.calls.length > 0) return settleCall(work, input, task);
  if (task?.kind !== "unknown") {
    return refuseAbsent("step_not_unknown", `the outcome of ${input.step} is not in question`);
  }
  settle(work, input, task);
  return accepted;
}

/** Of an agent's step: which call is meant, and what became of it. The step goes on once nothing is open. */
function settleCall(work: Work, input: ResolveInput, task: AskingTask): Verdict {
  const { at, step, as, output, message, by } = input;
  const named = task.calls.filter(({ call }) => isMeant(call, input));
  const [found, second] = named;
  if (found === undefined) {
    return refuseAbsent(
      "step_not_unknown",
      `the outcome of call ${input.call} of ${step} is not in question`,
    );
  }
  if (second !== undefined) {
    const calls = named.map(({ call }) => call).join(", ");
    return refuse("call_ambiguous", `${named.length} calls of ${step} are in question: name one of ${calls}`);
  }
  emit(work, {
    kind: "call_settled",
    at,
    step,
    call: found.call,
    as,
    ...(output === undefined ? {} : { output }),
    ...(message === undefined ? {} : { message }),
    ...(by === undefined ? {} : { by }),
  });
  goOn(work, step);
  return accepted;
}

/** By its whole name, or by what stands behind the step: a name that is left out means the only one. */
function isMeant(call: string, { step, call: named }: ResolveInput): boolean {
  return named === undefined || call === named || call === `${step}/${named}`;
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
