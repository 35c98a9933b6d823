/** Everything outside that a run waits for, worked out from its state alone: what a new owner sends again. */
import type { RunCommand, RunId, StepInstance } from "@agentflow/protocol";
import type { PreparedPlan } from "../plan/prepare.ts";
import { approvalTimer } from "./ask.ts";
import { dispatchCommand } from "./dispatch.ts";
import { evaluateInput } from "./evaluate.ts";
import { taskAt } from "./evolve-attempt.ts";
import { retryTimer } from "./fail-attempt.ts";
import { joinState } from "./join.ts";
import { openApprovals } from "./people.ts";
import { placeOf } from "./place.ts";
import { sightOf } from "./redispatch.ts";
import { sightSince } from "./sight.ts";
import type { ActiveRun, RunState, RunningTask } from "./state.ts";
import { openInstances } from "./stop.ts";

/**
 * Tasks of open attempts under the ids and with the inputs they were first sent with, timers that have not
 * fired, and `continue` where a commit was full. Sending any of them again is harmless.
 */
export function openCommands(
  state: RunState,
  plan: PreparedPlan,
  options: { readonly run: RunId },
): readonly RunCommand[] {
  if (state.kind !== "active") return [];
  const open: Open = { run: state, plan, id: options.run };
  const tasks = openInstances(state).flatMap((instance) => ofTask(open, instance));
  const more: RunCommand[] = hasMore(open) ? [{ kind: "continue" }] : [];
  return [...timers(state), ...tasks, ...more];
}

interface Open {
  readonly run: ActiveRun;
  readonly plan: PreparedPlan;
  readonly id: RunId;
}

function timers(run: ActiveRun): RunCommand[] {
  const { started, steps } = run;
  const found: RunCommand[] = [];
  if (started.deadline !== undefined)
    found.push({ kind: "start_timer", timer: "run", due: started.deadline });
  for (const [id, state] of steps) {
    if (state.kind === "waiting") found.push({ kind: "start_timer", timer: `wait:${id}`, due: state.until });
  }
  for (const { n, expiresAt } of openApprovals(run)) {
    found.push({ kind: "start_timer", timer: approvalTimer(n), due: expiresAt });
  }
  return found;
}

function ofTask(open: Open, instance: StepInstance): RunCommand[] {
  const task = taskAt(open.run, placeOf(instance));
  if (task?.kind === "running") return sentAgain(open, instance, task);
  if (task?.kind !== "sleeping") return [];
  return [{ kind: "start_timer", timer: retryTimer(instance, task.tries.attempt), due: task.until }];
}

function sentAgain(open: Open, instance: StepInstance, task: RunningTask): RunCommand[] {
  const place = placeOf(instance);
  const step = open.plan.steps.get(place.id);
  if (step === undefined) return [];
  const sight = sightOf(step, place, sightSince(open.run, open.id, task.since));
  if (!sight.ok) return [];
  const { n, tries, budget } = task;
  const { answers, approved } = tries;
  const input =
    approved === undefined
      ? evaluateInput(step.with, { sight: sight.value, where: "with" })
      : { ok: true as const, value: approved.input };
  // It was evaluated once from the same values, so it is evaluated now.
  if (!input.ok) return [];
  const given = budget === undefined ? {} : { budget };
  const sent = { input: task.input, n, with: input.value, answers, ...given };
  return [dispatchCommand({ step, instance, attempt: tries.attempt }, sent)];
}

/** Work is ready that no commit has taken up yet. */
function hasMore({ run, plan }: Open): boolean {
  if (run.open === 0) return true;
  return plan.order.some((step) => {
    const state = run.steps.get(step.id);
    if (state === undefined) return joinState(step, run.steps) !== "wait";
    if (state.kind === "due") return true;
    if (state.kind !== "expanded" || step.forEach === undefined) return false;
    const hasRoom = state.next < state.count && state.active < step.forEach.maxParallel;
    return state.due > 0 || hasRoom || state.done === state.count;
  });
}
