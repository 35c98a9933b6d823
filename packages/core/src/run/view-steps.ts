import type {
  AttemptFacts,
  AttemptView,
  Failure,
  Instant,
  Json,
  Plan,
  PlanUses,
  RunEvent,
  RunId,
  StepInstance,
  StepStatus,
  StepView,
  TaskResent,
  UsageTotals,
  Value,
} from "@agentflow/protocol";
import { unixMs } from "@agentflow/protocol";
import { addUsage } from "./usage.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
/** What is asked of people about a step: numbers of approvals, and calls whose outcome nobody knows. */
type Asks = Set<number | string>;
type AttemptRow = Mutable<AttemptView>;
type StepRow = Omit<Mutable<StepView>, "attempts"> & { attempts: AttemptRow[] };
type StepEvent = Extract<
  RunEvent,
  { readonly step: StepInstance; readonly kind: Exclude<RunEvent["kind"], "run_failed"> }
>;

/** The rows of a run's steps while its events are read in order. */
export class ViewedSteps {
  readonly #plan: Plan | undefined;
  readonly #rows = new Map<string, StepRow>();
  readonly #codes = new Set<string>();
  readonly #asks = new Map<string, Asks>();
  readonly #run: RunId;

  constructor(run: RunId, plan: Plan | undefined) {
    this.#run = run;
    this.#plan = plan;
    for (const id of Object.keys(plan?.steps ?? {})) this.#row(id);
  }

  add(event: RunEvent): void {
    if (!("step" in event) || event.kind === "run_failed") return;
    const row = this.#row(event.step);
    addTo(row, event);
    if ("usage" in event && event.usage !== undefined) row.usage = event.usage;
    this.#ask(row, event);
    if ("code" in event && event.code !== undefined) this.#codes.add(event.code);
    const [parent = "", item] = event.step.split("~");
    if (item !== undefined && event.kind === "step_succeeded") this.#countDone(parent);
  }

  /** Each step, its items behind it. What a run left open when it ended is told as what became of it. */
  views(end: RunEvent | undefined): StepView[] {
    const rows = [...this.#rows.values()];
    const items = Map.groupBy(rows, ({ step }) => step.split("~")[0] ?? "");
    const ordered = rows.flatMap((row) => (row.step.includes("~") ? [] : (items.get(row.step) ?? [])));
    return end === undefined ? ordered : ordered.map((row) => closed(row, end.at));
  }

  codes(): string[] {
    return [...this.#codes];
  }

  /** What all steps together have used up. */
  usage(): { readonly usage?: UsageTotals } {
    let usage: UsageTotals | undefined;
    for (const row of this.#rows.values()) usage = addUsage(usage, row.usage);
    return usage === undefined ? {} : { usage };
  }

  #ask(row: StepRow, event: StepEvent): void {
    const asks = this.#asks.get(row.step) ?? new Set();
    switch (event.kind) {
      case "approval_requested":
        row.approval = `${this.#run}-${event.n}`;
        row.until = event.expiresAt;
        asks.add(event.n);
        break;
      case "step_unknown":
        if (event.call === undefined) return;
        asks.add(event.call);
        break;
      case "approval_decided":
        asks.delete(event.n);
        break;
      case "call_settled":
        asks.delete(event.call);
        break;
      default:
        return;
    }
    this.#asks.set(row.step, asks);
    row.status = statusOf(asks);
    if (row.status !== "asking") delete row.until;
  }

  #row(instance: string): StepRow {
    const known = this.#rows.get(instance);
    if (known !== undefined) return known;
    const uses = this.#plan?.steps[instance.split("~")[0] ?? ""]?.uses;
    const row: StepRow = { step: instance, uses: usesText(uses), status: "blocked", attempts: [] };
    this.#rows.set(instance, row);
    return row;
  }

  #countDone(parent: string): void {
    const row = this.#row(parent);
    if (row.items !== undefined) row.items = { ...row.items, done: row.items.done + 1 };
  }
}

function statusOf(asks: Asks): StepStatus {
  if (asks.size === 0) return "queued";
  return [...asks].some((ask) => typeof ask === "string") ? "unknown" : "asking";
}

export function usesText(uses: PlanUses | undefined): string {
  if (uses === undefined) return "";
  return "name" in uses ? `${uses.kind}:${uses.name}` : uses.kind;
}

function addTo(row: StepRow, event: StepEvent): void {
  row.startedAt ??= event.at;
  switch (event.kind) {
    case "task_dispatched":
      delete row.until;
      row.status = "queued";
      row.attempts.push({ attempt: event.attempt, dispatchedAt: event.at, outcome: "open" });
      return;
    case "task_resent":
      row.status = "queued";
      return interrupted(last(row), event);
    case "attempt_started":
      row.status = "running";
      return began(last(row), { startedAt: event.at, worker: event.worker });
    case "attempt_failed":
      ended(row, event, { outcome: "failed", failure: event.failure });
      if (event.retryAt === undefined) return;
      row.status = "retrying";
      row.until = event.retryAt;
      return;
    case "attempt_lost":
      row.status = "queued";
      return ended(row, event, { outcome: "lost" });
    case "step_suspended":
      row.status = "asking";
      return ended(row, event, { outcome: "suspended" });
    case "approval_requested":
    case "approval_decided":
    case "call_settled":
      return;
    case "step_unknown":
      // A call of an agent's step: its attempt ended before, to wait.
      if (event.call !== undefined) return;
      row.status = "unknown";
      return ended(row, event, { outcome: "unknown" });
    case "step_expanded":
      row.status = "running";
      row.items = { count: event.count, done: 0 };
      return;
    case "step_waiting":
      row.status = "waiting";
      row.until = event.until;
      return;
    case "event_emitted":
      return;
    case "step_succeeded":
      if (event.attempt !== undefined) ended(row, event, { outcome: "succeeded" });
      return finish(row, event.at, { status: "succeeded", ...shownOutput(event.output, event.selected) });
    case "step_failed":
      return finish(row, event.at, { status: "failed", failure: event.failure });
    case "step_caught":
      row.failure = event.failure;
      if (event.output === undefined) return;
      return finish(row, event.at, { status: "caught", ...shownOutput(event.output, event.selected) });
    case "step_skipped":
      delete row.startedAt;
      return finish(row, event.at, { status: "skipped" });
    case "step_cancelled":
      stopOpen(row, event.at);
      return finish(row, event.at, { status: "cancelled" });
  }
}

interface Ending {
  readonly status: StepStatus;
  readonly output?: Json;
  readonly failure?: Failure;
}

function finish(row: StepRow, at: Instant, ending: Ending): void {
  delete row.until;
  Object.assign(row, ending, { endedAt: at });
}

function shownOutput(output: Value, selected: Json | undefined): { output?: Json } {
  if ("inline" in output) return { output: output.inline };
  return selected === undefined ? {} : { output: selected };
}

function ended(
  row: StepRow,
  event: AttemptFacts & { readonly at: Instant; readonly attempt?: number },
  how: Pick<AttemptView, "outcome" | "failure">,
): void {
  const attempt = row.attempts.find((one) => one.attempt === event.attempt);
  if (attempt === undefined) return;
  const { worker, startedAt, ms, code, sandbox } = event;
  began(attempt, { startedAt, worker });
  Object.assign(attempt, how, { endedAt: event.at });
  if (ms !== undefined) attempt.ms = ms;
  if (code !== undefined) attempt.code = code;
  if (sandbox !== undefined) attempt.sandbox = sandbox;
}

function began(
  attempt: AttemptRow | undefined,
  { startedAt, worker }: { startedAt: Instant | undefined; worker: string | undefined },
): void {
  if (attempt === undefined) return;
  if (worker !== undefined) attempt.worker = worker;
  if (startedAt === undefined) return;
  attempt.startedAt = startedAt;
  const sentAt = attempt.interruptions?.findLast(({ at }) => at <= startedAt)?.at ?? attempt.dispatchedAt;
  // Two machines' clocks: a start before the dispatch was no wait.
  attempt.queueMs = Math.max(0, unixMs(startedAt) - unixMs(sentAt));
}

function interrupted(attempt: AttemptRow | undefined, { at, holder }: TaskResent): void {
  if (attempt === undefined) return;
  const interruption = holder === undefined ? { at } : { at, holder };
  attempt.interruptions = [...(attempt.interruptions ?? []), interruption];
}

function last(row: StepRow): AttemptRow | undefined {
  return row.attempts.at(-1);
}

function stopOpen(row: StepRow, at: Instant): void {
  const attempt = last(row);
  if (attempt?.outcome === "open") Object.assign(attempt, { outcome: "stopped", endedAt: at });
}

function closed(row: StepRow, at: Instant): StepView {
  if (row.endedAt !== undefined) return row;
  if (row.status === "blocked") return { ...row, status: "skipped" };
  stopOpen(row, at);
  const { until: _over, ...rest } = row;
  return { ...rest, status: "cancelled", endedAt: at };
}
