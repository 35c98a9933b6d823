import type { ResentInput, ResentTask, TaskResent } from "@agentflow/protocol";
import { standingOf } from "./attempt.ts";
import { type Verdict, accepted, repeated } from "./verdict.ts";
import { type Work, emit, nowOf, runOf } from "./work.ts";

/** About the bytes of one such event: a run may have thousands of open tasks. */
const eventBytes = 400;

/**
 * Tasks were sent again because the queue had lost them. Nothing follows from it: the attempts stand, under
 * their numbers and ids. It is told so that a person sees why they took so long.
 */
export function decideResent(work: Work, input: ResentInput): Verdict {
  if (work.draft.run.kind !== "active") return repeated;
  for (const task of input.tasks) {
    const standing = standingOf(runOf(work), task);
    if (standing.kind !== "open" || standing.task.kind !== "running") continue;
    if (standing.task.resent?.input === input.id) continue;
    emit(work, eventOf(work, task));
    work.bytes += eventBytes;
  }
  return accepted;
}

function eventOf(work: Work, { step, attempt, holder }: ResentTask): TaskResent {
  const base = { kind: "task_resent", at: nowOf(work), step, attempt, input: work.input.id } as const;
  return holder === undefined ? base : { ...base, holder };
}
