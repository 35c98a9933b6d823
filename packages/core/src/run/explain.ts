/** What a run waits for, since when, who holds it, and the one command that frees it or shows more. */
import {
  type Instant,
  type StepInstance,
  type WhyReason,
  showDuration,
  unixMs,
  failedAt,
  failureText,
} from "@agentflow/protocol";
import type { PreparedPlan } from "../plan/prepare.ts";
import type { ExplainContext } from "./explain-context.ts";
import { taskAt } from "./evolve-attempt.ts";
import { explainAsking, explainUnknown } from "./explain-people.ts";
import { explainQueue } from "./explain-queue.ts";
import { placeOf } from "./place.ts";
import type { ActiveRun, EndedRun, ExpandedStep, RunState, TaskState } from "./state.ts";
import { openInstances } from "./stop.ts";
import { unreachable } from "./unreachable.ts";

/** Most pressing first; at least one, unless the run does not exist. */
export function explainRun(
  state: RunState,
  plan: PreparedPlan,
  context: ExplainContext,
): readonly WhyReason[] {
  if (state.kind === "absent") return [];
  if (state.kind === "ended") return [explainEnd(state, context)];
  const reasons = [
    ...shownInstances(state).flatMap((step) => explainTask(state, step, { plan, context })),
    ...[...state.steps].flatMap(([id, step]) => {
      if (step.kind === "waiting") return [explainWait(id, step, context)];
      return step.kind === "expanded" ? explainItems(id, step, plan) : [];
    }),
  ];
  if (reasons.length === 0)
    return [{ reason: "queue_wait", message: "more steps are ready and follow at once" }];
  return reasons.toSorted((a, b) => pressing.indexOf(a.reason) - pressing.indexOf(b.reason));
}

/** Open instances that are explained one by one. */
const instancesMax = 50;

/** Of many open ones those first that wait for a person. */
function shownInstances(run: ActiveRun): StepInstance[] {
  const open = openInstances(run);
  if (open.length <= instancesMax) return open;
  const isAsked = (step: StepInstance): boolean => {
    const kind = taskAt(run, placeOf(step))?.kind;
    return kind === "unknown" || kind === "asking";
  };
  return [...open.filter(isAsked), ...open.filter((step) => !isAsked(step))].slice(0, instancesMax);
}

const pressing = [
  "outcome_unknown",
  "approval",
  "code_broken",
  "no_worker",
  "backlog",
  "queue_wait",
  "retry_backoff",
  "running",
  "timer",
  "max_parallel",
];

function explainEnd({ end }: EndedRun, { run }: ExplainContext): WhyReason {
  switch (end.kind) {
    case "run_completed":
      return {
        reason: "completed",
        message: "the run completed",
        since: end.at,
        command: `af run get ${run}`,
      };
    case "run_cancelled": {
      const by = end.by === undefined ? "" : ` by ${end.by}`;
      const message = `the run was cancelled${by}: ${end.reason}`;
      return { reason: "cancelled", message, since: end.at, command: `af run get ${run}` };
    }
    case "run_failed": {
      const where = end.step === undefined ? "" : `${end.step}: `;
      const at = failedAt(end.failure);
      const code = at === undefined ? end.failure.code : `${end.failure.code} at ${at}`;
      const message = `${where}${end.failure.message} (${code})`;
      const step = end.step === undefined ? {} : { step: end.step };
      const failed = { reason: "failed", code: end.failure.code } as const;
      const look = isOfAgents(end.failure.code) ? "debug" : "logs --run";
      return { ...failed, ...step, message, since: end.at, command: `af ${look} ${run}` };
    }
    default:
      return unreachable(end);
  }
}

/** What was asked and answered says more than logs do. */
function isOfAgents(code: string): boolean {
  return code.startsWith("model_") || ["agent_stuck", "output_invalid", "budget_exhausted"].includes(code);
}

interface Around {
  readonly plan: PreparedPlan;
  readonly context: ExplainContext;
}

function explainTask(run: ActiveRun, step: StepInstance, { plan, context }: Around): WhyReason[] {
  const place = placeOf(step);
  const task = taskAt(run, place);
  const prepared = plan.steps.get(place.id);
  if (task === undefined || prepared === undefined || !("since" in task)) return [];
  switch (task.kind) {
    case "running":
      return [explainQueue({ step, task, def: prepared.def, build: run.started.build }, context)];
    case "sleeping":
      return [explainSleep(step, task, context)];
    case "unknown":
      return [explainUnknown(step, task, context)];
    case "asking":
      return explainAsking(run, { step, task, context });
    case "due":
      return [{ reason: "queue_wait", step, message: "its next attempt follows at once" }];
    default:
      return unreachable(task);
  }
}

function explainSleep(
  step: StepInstance,
  task: TaskState & { kind: "sleeping" },
  context: ExplainContext,
): WhyReason {
  const { failure, at, until, tries } = task;
  const left = showDuration(Math.max(0, unixMs(until) - unixMs(context.now)));
  const why = failureText(failure);
  const message = `attempt ${tries.attempt} failed (${why}), the next one comes in ${left}`;
  return {
    reason: "retry_backoff",
    step,
    message,
    since: at,
    until,
    command: `af logs --run ${context.run}`,
  };
}

function explainWait(
  step: string,
  { at, until }: { readonly at: Instant; readonly until: Instant },
  { run, now }: ExplainContext,
): WhyReason {
  const left = showDuration(Math.max(0, unixMs(until) - unixMs(now)));
  const message = `waits until ${until}, ${left} from now`;
  return { reason: "timer", step, message, since: at, until, command: `af run watch ${run}` };
}

function explainItems(id: string, step: ExpandedStep, plan: PreparedPlan): WhyReason[] {
  const most = plan.order.find((one) => one.id === id)?.forEach?.maxParallel ?? 0;
  if (step.next >= step.count || step.active < most) return [];
  const message = `${step.done} of ${step.count} items are done; maxParallel lets ${most} be open at a time`;
  return [{ reason: "max_parallel", step: id, message }];
}
