/** A run as people and programs see it, from its history alone. */
import type { Commit, Plan, RunEvent, RunId, RunView, StepView } from "@agentflow/protocol";
import { broken } from "./draft.ts";
import { ViewedSteps } from "./view-steps.ts";

export interface LogEntry {
  readonly revision: number;
  readonly commit: Commit;
}

export interface ViewOptions {
  readonly run: RunId;
  /** With it, steps stand in the order they were written in, and those that never began are shown. */
  readonly plan?: Plan;
}

/** Items of forEach steps that are shown one by one; `items` of their step counts all of them. */
const itemsShownMax = 1_000;

/** Refuses a history that does not begin with a start. Outputs that stand by reference are left out. */
export function viewRun(entries: readonly LogEntry[], { run, plan }: ViewOptions): RunView {
  const events = entries.flatMap(({ commit }) => commit.events);
  const [started] = events;
  if (started?.kind !== "run_started") throw broken("it does not begin with the start of a run");
  const steps = new ViewedSteps(run, plan);
  for (const event of events) steps.add(event);
  const end = events.findLast(isEnd);
  const views = shown(steps.views(end));
  const parked = end === undefined && views.some(({ status }) => status === "unknown" || status === "asking");
  return {
    run,
    workflow: started.workflow,
    version: started.version,
    build: started.build,
    status: end === undefined ? (parked ? "parked" : "running") : endings[end.kind],
    startedAt: started.at,
    ...(end === undefined ? {} : { endedAt: end.at }),
    ...(started.deadline === undefined ? {} : { deadline: started.deadline }),
    ...(started.labels === undefined ? {} : { labels: started.labels }),
    ...("inline" in started.input ? { input: started.input.inline } : {}),
    ...outcomeOf(end),
    revision: entries.at(-1)?.revision ?? 0,
    steps: views,
    codes: steps.codes(),
    ...steps.usage(),
  };
}

type End = RunEvent & { readonly kind: "run_completed" | "run_failed" | "run_cancelled" };

const endings = { run_completed: "completed", run_failed: "failed", run_cancelled: "cancelled" } as const;

function isEnd(event: RunEvent): event is End {
  return event.kind in endings;
}

function outcomeOf(end: End | undefined): Pick<RunView, "output" | "failure"> {
  if (end?.kind === "run_failed") return { failure: end.failure };
  return end?.kind === "run_completed" && "inline" in end.output ? { output: end.output.inline } : {};
}

function shown(views: readonly StepView[]): StepView[] {
  let items = 0;
  return views.filter(({ step }) => !step.includes("~") || items++ < itemsShownMax);
}
