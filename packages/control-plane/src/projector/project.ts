import { type Commit, type RunEvent, type RunStatus, type StepInstance, unixMs } from "@agentflow/protocol";
import type { LiveRun, RunDelta } from "./read-rows.ts";

/** As lists show a run whose start cannot be read. */
const unreadable = { workflow: "unreadable", version: "000000000000" } as const;

/**
 * Folds commits into changes of rows, one row a run however many commits a batch has. Total: an event that is
 * new here does not compile.
 */
export class Projection {
  private deltas = new Map<string, RunDelta>();
  /** Steps whose outcome is unknown, of the runs that have some: such a run is shown as parked. */
  private readonly unknown = new Map<string, Set<string>>();

  get size(): number {
    return this.deltas.size;
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
    this.unknown.clear();
  }

  add(of: { tenant: string; run: string; revision: number }, commit: Commit): void {
    const key = `${of.tenant} ${of.run}`;
    const delta = this.delta(key, of);
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
    switch (event.kind) {
      case "run_started": {
        const { workflow, version, labels } = event;
        const startedAtMs = unixMs(event.at);
        const born = { workflow, version, startedAtMs };
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
        return this.mark(key, delta, event.step);
      case "task_dispatched":
      case "step_succeeded":
      case "step_failed":
      case "step_caught":
      case "step_cancelled":
        if (this.unknown.size > 0) this.unmark(key, delta, event.step);
        return;
      case "task_resent":
      case "attempt_started":
      case "attempt_failed":
      case "attempt_lost":
      case "step_expanded":
      case "step_waiting":
      case "step_skipped":
      case "event_emitted":
        return;
      default:
        return unreachable(event);
    }
  }

  private end(key: string, delta: RunDelta, end: { status: RunStatus; at: string }): void {
    delta.status = end.status;
    delta.endedAtMs = unixMs(end.at);
    if (this.unknown.delete(key)) delta.unknown = "";
  }

  private mark(key: string, delta: RunDelta, step: StepInstance): void {
    const steps = this.unknown.get(key) ?? new Set<string>();
    this.unknown.set(key, steps.add(step));
    delta.unknown = JSON.stringify([...steps]);
    delta.status = "parked";
  }

  private unmark(key: string, delta: RunDelta, step: StepInstance): void {
    const steps = this.unknown.get(key);
    if (steps === undefined || !steps.delete(step)) return;
    if (steps.size === 0) this.unknown.delete(key);
    delta.unknown = steps.size === 0 ? "" : JSON.stringify([...steps]);
    delta.status = steps.size === 0 ? "running" : "parked";
  }
}

function unreachable(event: never): void {
  throw new Error(`no fold for ${JSON.stringify(event)}`);
}
