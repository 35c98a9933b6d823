import type { QueuedTask } from "@agentflow/bus";
import { instant, type Task } from "@agentflow/protocol";
import type { Item } from "./lane.ts";

/** One open attempt of a run. */
export function itemKey(step: string, attempt: number): string {
  return `${step}/${attempt}`;
}

/** What a worker gets. */
export function envelope({ ref, id, command, context, lane }: Item, now: number): QueuedTask {
  const task: Task = {
    v: 1,
    kind: "task",
    id,
    tenant: ref.tenant,
    run: ref.run,
    workflow: context.workflow,
    step: command.step,
    attempt: command.attempt,
    uses: command.uses,
    with: command.with,
    effect: command.effect,
    build: context.build,
    at: instant(now),
    ...(command.timeoutMs === undefined ? {} : { timeoutMs: command.timeoutMs }),
    ...(command.select === undefined ? {} : { select: command.select }),
    ...(command.answers === undefined ? {} : { answers: command.answers }),
    ...(command.budget === undefined ? {} : { budget: command.budget }),
    ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
  };
  return { id, subject: lane.subject, body: JSON.stringify(task) };
}
