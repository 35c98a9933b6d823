/** A commit: what one or more inputs of one run led to, decided in order, appended as one message. */
import type { Effect } from "../workflow.ts";
import type { InputId, PoolName, StepInstance } from "../ids.ts";
import type { Instant, Value } from "../json.ts";
import type { Answer } from "../journal.ts";
import type { PlanUses } from "../plan.ts";
import type { TaskBudget } from "../task.ts";
import type { RunEvent } from "./run.ts";

export interface Commit {
  readonly v: 1;
  readonly kind: "commit";
  readonly inputs: readonly CommitInput[];
  readonly events: readonly RunEvent[];
  readonly commands: readonly RunCommand[];
}

/** An input as the commit remembers it. A refused one leaves no event but is written all the same. */
export interface CommitInput {
  readonly id: InputId;
  readonly kind: string;
  readonly at: Instant;
  readonly refused?: string;
}

export type RunCommand = DispatchTask | StopTask | StartTimer | Continue;

export interface DispatchTask {
  readonly kind: "dispatch_task";
  /** The input that led to it and its number there: the end of the task's id. */
  readonly input: InputId;
  readonly n: number;
  readonly step: StepInstance;
  readonly attempt: number;
  readonly uses: PlanUses;
  readonly with: Value;
  readonly effect: Effect;
  readonly pool: PoolName;
  readonly timeoutMs?: number;
  readonly select?: string;
  readonly answers?: readonly Answer[];
  readonly budget?: TaskBudget;
  /** True from the second dispatch of a step on, whatever the reason: caches must not answer. */
  readonly again?: true;
}

/** Takes an attempt's task back: from the queue, or from the worker that holds it. */
export interface StopTask {
  readonly kind: "stop_task";
  readonly step: StepInstance;
  readonly attempt: number;
  /** The input and number of the dispatch that is taken back. */
  readonly input: InputId;
  readonly n: number;
}

export interface StartTimer {
  readonly kind: "start_timer";
  /**
   * `run`, `wait:<instance>`, `retry:<instance>:<attempt>` or `approval:<n>`: known to the run, so firing
   * twice is harmless.
   */
  readonly timer: string;
  readonly due: Instant;
}

/** More is ready than one commit may hold: the shell submits a `continue` input. */
export interface Continue {
  readonly kind: "continue";
}
