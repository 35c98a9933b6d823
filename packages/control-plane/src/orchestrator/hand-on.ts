import type { PreparedPlan } from "@agentflow/core/plan";
import { openCommands, type RunState } from "@agentflow/core/run";
import type { World } from "@agentflow/host/clock";
import {
  type AgentFlowError,
  type ApprovalRequested,
  type Commit,
  type DispatchTask,
  type InputAnswer,
  type InputId,
  instant,
  parseId,
  type RunCancelled,
  type RunCommand,
  type RunCompleted,
  type RunEvent,
  type RunFailed,
  type RunInput,
  type Shard,
  type StepUnknown,
  type TimerInput,
} from "@agentflow/protocol";
import type { TaskContext } from "../dispatcher/lane.ts";
import type { Dispatcher, TaskToSend } from "../dispatcher/dispatcher.ts";
import type { Resends, TaskAgain } from "../dispatcher/resends.ts";
import type { EngineMetrics } from "../engine-metrics.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { LoadedRun } from "./load-run.ts";
import type { RunRef } from "./run-ref.ts";
import type { Waiters } from "./waiters.ts";

/** How a run ended and where that is written. */
export interface RunEnd {
  readonly revision: number;
  readonly event: RunCompleted | RunFailed | RunCancelled;
}

/** What whoever waits for a run is told: how it ended, or that it waits for a person. */
export interface RunOutcome {
  readonly revision: number;
  readonly event: RunEnd["event"] | StepUnknown | ApprovalRequested;
}

export interface HandOnParts {
  readonly world: World;
  readonly metrics: EngineMetrics;
  readonly dispatcher: Dispatcher;
  readonly scheduler: Scheduler;
  readonly waiters: Waiters<RunOutcome>;
  readonly submit: (
    ref: RunRef,
    input: RunInput,
    answer: (given: InputAnswer | AgentFlowError) => void,
  ) => void;
  /** True while a recovery goes on, for a commit whose tasks the queue still holds. */
  readonly wasSent: (ref: RunRef, revision: number) => boolean;
  /** False once the run's shard is another's: its timers and what is left to do are its new owner's. */
  readonly owns: (shard: Shard) => boolean;
  /** Tasks that are sent again because the queue lost them. */
  readonly resends: Resends;
}

interface Committed {
  readonly ref: RunRef;
  readonly state: RunState;
  readonly commit: Commit;
  readonly revision: number;
  /** What the commit weighs. */
  readonly bytes: number;
}

type Sending = Pick<TaskToSend, "context" | "revision" | "bytes">;

interface Reopened {
  readonly ref: RunRef;
  readonly state: RunState;
  readonly plan: PreparedPlan | undefined;
  readonly loaded: LoadedRun;
}

const againMs = 1_000;

/** What a durable commit leads to outside. Called after the acknowledgement and never before. */
export class HandOn {
  private readonly parts: HandOnParts;

  constructor(parts: HandOnParts) {
    this.parts = parts;
  }

  commit({ ref, state, commit, revision, bytes: all }: Committed): void {
    for (const event of commit.events) this.event(ref, event, revision);
    if (state.kind !== "active" || commit.commands.length === 0) return;
    const context = contextOf(state);
    const bytes = Math.ceil(all / commit.commands.length);
    for (const command of commit.commands) this.command(ref, command, { context, revision, bytes });
  }

  /** All that is open of a run that was read from the log: sent again under the same ids. */
  open({ ref, state, plan, loaded }: Reopened): void {
    if (state.kind === "ended") return this.runEnded(ref, { revision: loaded.revision, event: state.end });
    if (state.kind === "absent" || plan === undefined) return;
    const commands = openCommands(state, plan, { run: ref.run });
    const tasks = commands.filter((command) => command.kind === "dispatch_task");
    this.parts.dispatcher.keepOnly(ref, tasks);
    this.parts.scheduler.runEnded(ref);
    const revisions = tasks.length === 0 ? new Map<string, number>() : dispatchedAt(loaded);
    const context = contextOf(state);
    const again: TaskAgain[] = [];
    const bytes = Math.ceil(loaded.bytes / Math.max(1, commands.length));
    for (const command of commands) {
      const revision = command.kind === "dispatch_task" ? (revisions.get(dispatchKey(command)) ?? 0) : 0;
      if (command.kind !== "dispatch_task" || revision === 0 || !this.parts.wasSent(ref, revision)) {
        this.command(ref, command, { context, revision, bytes });
        if (command.kind === "dispatch_task") again.push({ command, revision });
      } else this.parts.dispatcher.adopt({ ref, command, context, revision, bytes });
    }
    this.parts.resends.tell(ref, again);
  }

  /** A timer that is due. */
  timer(ref: RunRef, input: TimerInput): void {
    this.parts.submit(ref, input, (given) => {
      if ("code" in given && this.parts.owns(ref.shard)) {
        this.parts.scheduler.again(ref, input.timer, againMs);
      }
    });
  }

  private event(ref: RunRef, event: RunEvent, revision: number): void {
    const { dispatcher, metrics } = this.parts;
    dispatcher.onEvent(ref, event);
    switch (event.kind) {
      case "run_started":
        return metrics.runsStarted.add();
      case "run_completed":
        metrics.runsEnded.completed.add();
        return this.runEnded(ref, { revision, event });
      case "run_failed":
        metrics.runsEnded.failed.add();
        return this.runEnded(ref, { revision, event });
      case "run_cancelled":
        metrics.runsEnded.cancelled.add();
        return this.runEnded(ref, { revision, event });
      case "step_unknown":
      case "approval_requested":
        return this.parts.waiters.ended(ref.key, { revision, event });
      default:
        return;
    }
  }

  private runEnded(ref: RunRef, end: RunEnd): void {
    this.parts.dispatcher.runEnded(ref);
    this.parts.scheduler.runEnded(ref);
    this.parts.waiters.ended(ref.key, end);
  }

  private command(ref: RunRef, command: RunCommand, of: Sending): void {
    switch (command.kind) {
      case "dispatch_task":
        return this.parts.dispatcher.add({ ref, command, ...of });
      case "stop_task":
        return this.parts.dispatcher.stopTask(ref, command);
      case "start_timer":
        return this.parts.scheduler.start(ref, command);
      case "continue":
        return this.goOn(ref);
      default:
        return unreachable(command);
    }
  }

  /** More was ready than one commit may hold. */
  private goOn(ref: RunRef): void {
    const { world, submit, owns } = this.parts;
    const id = continueId(world);
    submit(ref, { kind: "continue", id, at: instant(world.clock.now()) }, (given) => {
      if ("code" in given && given.reason !== "stopping" && owns(ref.shard)) {
        world.timers.after(againMs, () => this.goOn(ref), { background: true });
      }
    });
  }
}

function contextOf(state: Exclude<RunState, { kind: "absent" }>): TaskContext {
  const { workflow, build, traceparent } = state.started;
  return traceparent === undefined ? { workflow, build } : { workflow, build, traceparent };
}

function dispatchKey({ input, n }: DispatchTask): string {
  return `${input}:${n}`;
}

function dispatchedAt(loaded: LoadedRun): Map<string, number> {
  const revisions = new Map<string, number>();
  for (const { revision, commit } of loaded.commits) {
    for (const command of commit.commands) {
      if (command.kind === "dispatch_task") revisions.set(dispatchKey(command), revision);
    }
  }
  return revisions;
}

/** Never used twice: a restored log may give the same revision again. */
function continueId(world: World): InputId {
  return parseId("input", `continue-${Buffer.from(world.random.bytes(8)).toString("hex")}`);
}

function unreachable(command: never): never {
  throw new Error(`no way to carry out ${JSON.stringify(command)}`);
}
