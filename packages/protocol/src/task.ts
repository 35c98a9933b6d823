/** A task: an attempt's envelope on the queue. Self-contained: a worker needs nothing else to run it. */
import type { TaskBudget } from "./budget.ts";
import type { Answer } from "./journal.ts";
import type { BuildId, RunId, StepInstance, TaskId, TenantId } from "./ids.ts";
import type { Instant, Value } from "./json.ts";
import type { PlanUses } from "./plan.ts";
import type { Effect } from "./workflow.ts";

export type { TaskBudget } from "./budget.ts";

export interface Task {
  readonly v: 1;
  readonly kind: "task";
  readonly id: TaskId;
  readonly tenant: TenantId;
  readonly run: RunId;
  readonly workflow: string;
  readonly step: StepInstance;
  readonly attempt: number;
  readonly uses: PlanUses;
  readonly with: Value;
  readonly effect: Effect;
  readonly build: BuildId;
  readonly at: Instant;
  readonly timeoutMs?: number;
  readonly select?: string;
  readonly traceparent?: string;
  /** What people said about calls of this step, oldest first. */
  readonly answers?: readonly Answer[];
  /** What the step may use up, its earlier attempts included; an agent's own limits hold beside it. */
  readonly budget?: TaskBudget;
}

/** The idempotency key a tool receives: the same for every attempt of one step instance. */
export function callId(task: { readonly run: RunId; readonly step: StepInstance }): string {
  return `${task.run}:${task.step}`;
}
