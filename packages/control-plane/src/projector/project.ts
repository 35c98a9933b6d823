import { type Commit, type RunEvent, type RunStatus, type StepInstance, unixMs } from "@agentflow/protocol";
import { noteAgent, noteApproval, noteDecision, noteUsage, withdraw } from "./project-people.ts";
import type { LiveRun, ModelChange, RunDelta } from "./read-rows.ts";

/** As lists show a run whose start cannot be read. */
const unreadable = { workflow: "unreadable", version: "000000000000" } as const;

/**
 * Folds commits into changes of rows, one row a run however many commits a batch has. Total: an event that is
 * new here does not compile.
 */
export class Projection {
  private deltas = new Map<string, RunDelta>();
  private models: ModelChange[] = [];
  /**
   * What waits for people, of the runs that have some: such a run is shown as parked. A step whose outcome is
   * unknown stands as itself, a call of it as `<step> !<call>`, an approval as `<step> #<n>`.
   */
  private readonly unknown = new Map<string, Set<string>>();

  get size(): number {
    return this.deltas.size + this.models.length;
  }

  get openApprovals(): number {
    let count = 0;
    for (const marks of this.unknown.values()) for (const mark of marks) if (mark.includes(" #")) count++;
    return count;
  }

  /** Runs that the read model already shows with unknown steps. */
  restore(live: readonly LiveRun[]): void {
    for (const { tenant, run, unknown } of live) {
      const steps: unknown = unknown === undefined ? [] : JSON.parse(unknown);
      if (!Array.isArray(steps) || steps.length === 0) continue;
      this.unknown.set(`${tenant} ${run}`, new Set(steps.filter((step) => typeof step === "string")));
    }
  }

  clear(): void {
    this.deltas.clear();
    this.models = [];
    this.unknown.clear();
  }

  add(of: { tenant: string; run: string; revision: number }, commit: Commit): void {
    const key = `${of.tenant} ${of.run}`;
    const delta = this.delta(key, of);
    for (const command of commit.commands)
      if (command.kind === "dispatch_task") noteAgent(delta, command, commit);
    for (const event of commit.events) this.fold(key, delta, event);
  }

  /**
   * This build cannot go on with the run. With `atMs` its row is made where there is none: what it was
   * started as cannot be read.
   */
  park(
    of: { tenant: string; run: string; revision: number; atMs?: number },
    failure: { code: string; message: string },
  ): void {
    const delta = this.delta(`${of.tenant} ${of.run}`, of);
    if (of.atMs !== undefined) delta.born ??= { ...unreadable, startedAtMs: of.atMs };
    delta.status = "parked";
    delta.failure = JSON.stringify(failure);
    // Makes the row be written as a change, not as a touch.
    delta.unknown ??= "";
  }

  /** Calls of models, as journals tell of them. */
  addModels(models: readonly ModelChange[]): void {
    this.models.push(...models);
  }

  takeModels(): readonly ModelChange[] {
    const { models } = this;
    this.models = [];
    return models;
  }

  /** What has gathered; begins anew. */
  take(): readonly RunDelta[] {
    const runs = [...this.deltas.values()];
    this.deltas = new Map();
    return runs;
  }

  private delta(key: string, of: { tenant: string; run: string; revision: number }): RunDelta {
    const known = this.deltas.get(key);
    if (known !== undefined) {
      known.revision = of.revision;
      return known;
    }
    const made: RunDelta = { tenant: of.tenant, run: of.run, revision: of.revision };
    this.deltas.set(key, made);
    return made;
  }

  private fold(key: string, delta: RunDelta, event: RunEvent): void {
    noteUsage(delta, event);
    switch (event.kind) {
      case "run_started": {
        const { workflow, version, build, labels } = event;
        const startedAtMs = unixMs(event.at);
        const born = { workflow, version, build, startedAtMs };
        delta.born = labels === undefined ? born : { ...born, labels: JSON.stringify(labels) };
        return;
      }
      case "run_completed":
        return this.end(key, delta, { status: "completed", at: event.at });
      case "run_failed":
        delta.failure = JSON.stringify(event.failure);
        return this.end(key, delta, { status: "failed", at: event.at });
      case "run_cancelled":
        delta.failure = JSON.stringify({ code: "cancelled", message: event.reason });
        return this.end(key, delta, { status: "cancelled", at: event.at });
      case "step_unknown":
        return this.mark(key, delta, event.call === undefined ? event.step : `${event.step} !${event.call}`);
      case "approval_requested":
        noteApproval(delta, event);
        return this.mark(key, delta, `${event.step} #${event.n}`);
      case "approval_decided":
        noteDecision(delta, event);
        return this.unmark(key, delta, `${event.step} #${event.n}`);
      case "call_settled":
        return this.unmark(key, delta, `${event.step} !${event.call}`);
      case "task_dispatched":
      case "step_succeeded":
      case "step_failed":
      case "step_caught":
      case "step_cancelled":
        if (this.unknown.size > 0) this.unmarkStep(key, delta, event);
        return;
      case "task_resent":
      case "attempt_started":
      case "attempt_failed":
      case "attempt_lost":
      case "step_expanded":
      case "step_waiting":
      case "step_skipped":
      case "step_suspended":
      case "event_emitted":
        return;
      default:
        return unreachable(event);
    }
  }

  private end(key: string, delta: RunDelta, end: { status: RunStatus; at: string }): void {
    delta.status = end.status;
    delta.endedAtMs = unixMs(end.at);
    for (const mark of this.unknown.get(key) ?? []) withdraw(delta, mark, end.at);
    if (this.unknown.delete(key)) delta.unknown = "";
  }

  private mark(key: string, delta: RunDelta, mark: string): void {
    const steps = this.unknown.get(key) ?? new Set<string>();
    this.unknown.set(key, steps.add(mark));
    delta.unknown = JSON.stringify([...steps]);
    delta.status = "parked";
  }

  /** The step goes on or has ended: nothing of it waits any more. */
  private unmarkStep(key: string, delta: RunDelta, { step, at }: { step: StepInstance; at: string }): void {
    const marks = this.unknown.get(key) ?? new Set<string>();
    const over = [...marks].filter((mark) => mark === step || mark.startsWith(`${step} `));
    for (const mark of over) {
      withdraw(delta, mark, at);
      this.unmark(key, delta, mark);
    }
  }

  private unmark(key: string, delta: RunDelta, mark: string): void {
    const steps = this.unknown.get(key);
    if (steps === undefined || !steps.delete(mark)) return;
    if (steps.size === 0) this.unknown.delete(key);
    delta.unknown = steps.size === 0 ? "" : JSON.stringify([...steps]);
    delta.status = steps.size === 0 ? "running" : "parked";
  }
}

function unreachable(event: never): void {
  throw new Error(`no fold for ${JSON.stringify(event)}`);
}
