import {
  type BuildId,
  type PlanStep,
  type StepInstance,
  type WhyReason,
  type WorkerPresence,
  presenceMaxAgeMs,
  showDuration,
  unixMs,
} from "@agentflow/protocol";
import type { ExplainContext } from "./explain-context.ts";
import type { RunningTask } from "./state.ts";
import { usesText } from "./view-steps.ts";

export interface Queued {
  readonly step: StepInstance;
  readonly task: RunningTask;
  readonly def: PlanStep;
  readonly build: BuildId;
}

/** A dispatched attempt: a worker has it, or this is why none has. */
export function explainQueue(queued: Queued, context: ExplainContext): WhyReason {
  const alive = context.workers.filter((worker) => isAlive(worker, context));
  const pool = alive.filter(({ pool, build }) => pool === queued.def.pool && build === queued.build);
  return (
    held(queued, alive, context) ??
    broken(queued, pool) ??
    missing(queued, pool, alive) ??
    waiting(queued, pool, context)
  );
}

/** After a kill of everything: when it was sent again, and who had it before. */
function interruption({ task: { resent } }: Queued, { now }: ExplainContext): string {
  if (resent === undefined) return "";
  const ago = showDuration(Math.max(0, unixMs(now) - unixMs(resent.at)));
  const { holder } = resent;
  const what =
    holder === undefined ? "the queue restarted" : `it was interrupted while ${holder.worker} had it`;
  return `; ${what}, and it was sent again ${ago} ago`;
}

function isAlive({ seenAt }: WorkerPresence, { now }: ExplainContext): boolean {
  return unixMs(now) - unixMs(seenAt) <= presenceMaxAgeMs;
}

function held(
  queued: Queued,
  workers: readonly WorkerPresence[],
  context: ExplainContext,
): WhyReason | undefined {
  const { step, task } = queued;
  const { attempt } = task.tries;
  for (const { worker, busy, seenAt } of workers) {
    // What it said before the task was lost, it may have said with its last breath.
    if (task.resent !== undefined && seenAt < task.resent.at) continue;
    const mine = busy.find((one) => one.run === context.run && one.step === step && one.attempt === attempt);
    if (mine === undefined) continue;
    const time = showDuration(Math.max(0, unixMs(context.now) - unixMs(mine.since)));
    const message = `attempt ${attempt} runs on ${worker} for ${time}${interruption(queued, context)}`;
    return {
      reason: "running",
      step,
      message,
      since: mine.since,
      holder: worker,
      command: `af logs -f --run ${context.run}`,
    };
  }
  return undefined;
}

/** Nobody of the pool can run anything, because the project's code does not load. */
function broken({ step, task }: Queued, pool: readonly WorkerPresence[]): WhyReason | undefined {
  const [first] = pool;
  if (
    first === undefined ||
    pool.some(({ state, manifest }) => state !== "broken" || manifest !== undefined)
  ) {
    return undefined;
  }
  const { problem, worker } = first;
  const place = problem?.file === undefined ? "" : ` at ${problem.file}:${problem.line ?? 1}`;
  const message = `the project's code does not load${place}: ${problem?.message ?? "no reason was given"}`;
  return { reason: "code_broken", step, message, since: task.at, holder: worker, command: "af validate" };
}

function missing(
  { step, task, def, build }: Queued,
  pool: readonly WorkerPresence[],
  alive: readonly WorkerPresence[],
): WhyReason | undefined {
  const since = task.at;
  const serving = pool.filter(({ state }) => state !== "draining");
  if (serving.length === 0) {
    const others = alive.filter((one) => one.pool === def.pool && one.build !== build);
    const builds = [...new Set(others.map((one) => one.build))].toSorted();
    const message = `no worker serves pool ${def.pool} with build ${build}`;
    if (builds.length === 0) {
      return { reason: "no_worker", step, message, since, command: "af worker list" };
    }
    // A run stays on the build it began on: those that are there may never take it.
    const told = `${message}, which this run began on; its workers are of ${builds.slice(0, 3).join(", ")}`;
    const command = `af worker --pool ${def.pool} --build ${build}`;
    return { reason: "no_worker", step, message: told, since, command };
  }
  const loaded = serving.filter(({ manifest }) => manifest !== undefined);
  const { uses } = def;
  const able = loaded.some(({ manifest }) => {
    const callables = uses.kind === "agent" ? manifest?.agents : manifest?.tools;
    return "name" in uses && callables?.some(({ name }) => name === uses.name) === true;
  });
  if (loaded.length === 0 || able) return undefined;
  const message = `no worker of pool ${def.pool} has ${usesText(uses)}`;
  return { reason: "no_worker", step, message, since, command: `af ${uses.kind} list` };
}

function waiting(queued: Queued, pool: readonly WorkerPresence[], context: ExplainContext): WhyReason {
  const { step, task, def } = queued;
  const since = task.at;
  const slots = pool.reduce((sum, worker) => sum + worker.slots, 0);
  const busy = pool.reduce((sum, worker) => sum + worker.busy.length, 0);
  const position = context.backlog?.get(step);
  const used = `${busy} of ${slots} slots of pool ${def.pool} are in use${interruption(queued, context)}`;
  const command = "af worker list";
  if (position === undefined)
    return { reason: "queue_wait", step, message: `in the queue; ${used}`, since, command };
  return { reason: "backlog", step, message: `number ${position} in the backlog; ${used}`, since, command };
}
