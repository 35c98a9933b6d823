/**
 * What a run's commits say, folded anew and held to what any history must be. Written apart from the core: it
 * shares no code with it, only the shape of the records.
 */
import type { DispatchTask, Failure, RunEvent, Value } from "@agentflow/protocol";
import type { Stored } from "./read-log.ts";

export interface AttemptFacts {
  readonly attempt: number;
  readonly dispatched: {
    readonly place: number;
    readonly atMs: number;
    readonly command: DispatchTask | undefined;
  };
  started: string | undefined;
  end: "failed" | "lost" | "succeeded" | "unknown" | "taken_back" | "suspended" | undefined;
  retry: boolean;
  endMs: number;
}

export interface StepFacts {
  readonly attempts: AttemptFacts[];
  /** Where in the history the step ended, and with what. */
  end:
    | { readonly kind: RunEvent["kind"]; readonly place: number; readonly value: Value | undefined }
    | undefined;
  waiting: { readonly until: string } | undefined;
  expanded: number | undefined;
  failure: Failure | undefined;
  selected: unknown;
  /** Where in the history it was first asked for or sent. */
  opened: number | undefined;
  /** What is asked of people and not answered: numbers of approvals, and calls whose outcome nobody knows. */
  readonly openApprovals: Set<number>;
  readonly unknownCalls: Set<string>;
  /** The input that was shown to whoever approved the step itself; undefined until then. */
  approved: { readonly input: unknown } | undefined;
}

export interface ApprovalFacts {
  readonly step: string;
  readonly call: string | undefined;
  readonly hash: string;
  readonly input: unknown;
  readonly expiresAt: string;
  decided: Extract<RunEvent, { kind: "approval_decided" }> | undefined;
}

export interface History {
  readonly run: string;
  readonly commits: readonly Stored[];
  readonly faults: string[];
  readonly steps: Map<string, StepFacts>;
  /** In the order in which they were asked: the first is number 1. */
  readonly approvals: ApprovalFacts[];
  /** When each input was first taken, and when it was first refused. */
  readonly inputs: Map<string, { takenMs?: number; refusedMs?: number }>;
  started: Extract<RunEvent, { kind: "run_started" }> | undefined;
  end: Extract<RunEvent, { kind: "run_completed" | "run_failed" | "run_cancelled" }> | undefined;
}

export function readHistory(run: string, commits: readonly Stored[]): History {
  const history: History = {
    run,
    commits,
    faults: [],
    steps: new Map(),
    approvals: [],
    inputs: new Map(),
    started: undefined,
    end: undefined,
  };
  let place = 0;
  for (const stored of commits) {
    readInputs(history, stored);
    checkCommands(history, stored);
    for (const event of stored.commit.events) readEvent(history, event, { place: place++, stored });
  }
  return history;
}

/** The step is neither over nor on its way. */
export function isUnknown(step: StepFacts): boolean {
  if (step.end !== undefined || step.openApprovals.size > 0) return false;
  return step.unknownCalls.size > 0 || step.attempts.at(-1)?.end === "unknown";
}

/** Somebody is asked about it: its run is shown as parked. */
export function isAsking(step: StepFacts): boolean {
  return isUnknown(step) || (step.end === undefined && step.openApprovals.size > 0);
}

interface Where {
  readonly place: number;
  readonly stored: Stored;
}

function readInputs(history: History, { commit, atMs, revision }: Stored): void {
  if (
    commit.events.length === 0 &&
    commit.inputs.every(({ refused }) => refused === undefined) &&
    commit.commands.length === 0
  ) {
    history.faults.push(`the commit ${revision} says nothing`);
  }
  for (const { id, refused } of commit.inputs) {
    const known = history.inputs.get(id) ?? {};
    history.inputs.set(id, known);
    if (refused !== undefined) known.refusedMs ??= atMs;
    else if (known.takenMs === undefined) known.takenMs = atMs;
    else history.faults.push(`input ${id} was taken twice`);
  }
}

function checkCommands(history: History, { commit, revision }: Stored): void {
  const told = commit.events.flatMap((event) => (event.kind === "task_dispatched" ? [keyOf(event)] : []));
  const sent = commit.commands.flatMap((command) =>
    command.kind === "dispatch_task" ? [keyOf(command)] : [],
  );
  if (told.join() !== sent.join())
    history.faults.push(`the commit ${revision} sends other tasks than it tells of`);
}

function keyOf(of: { step: string; attempt: number; input: string; n: number }): string {
  return `${of.step}/${of.attempt}/${of.input}/${of.n}`;
}

function readEvent(history: History, event: RunEvent, where: Where): void {
  const say = (what: string): void =>
    void history.faults.push(`${what} (${event.kind} at ${where.stored.revision})`);
  if (event.kind === "run_started") {
    if (history.started !== undefined || where.place !== 0) say("a run starts once, first of all");
    history.started = event;
    return;
  }
  if (history.started === undefined) say("nothing comes before the start");
  if (history.end !== undefined) say("nothing comes after the end");
  switch (event.kind) {
    case "run_completed":
    case "run_failed":
    case "run_cancelled":
      history.end = event;
      return;
    case "event_emitted":
      return;
    default:
      return readStep(stepOf(history, event.step), event, { ...where, say, approvals: history.approvals });
  }
}

type StepEvent = Exclude<
  RunEvent,
  { kind: "run_started" | "run_completed" | "run_failed" | "run_cancelled" | "event_emitted" }
>;

type In = Where & { say: (what: string) => void; approvals: ApprovalFacts[] };

function readStep(step: StepFacts, event: StepEvent, at: In): void {
  const { say, place } = at;
  if (step.end !== undefined) say(`${event.step} had ended`);
  switch (event.kind) {
    case "task_dispatched":
      return readDispatch(step, event, at);
    case "step_expanded":
      if (step.expanded !== undefined) say(`${event.step} was expanded twice`);
      step.expanded = event.count;
      return;
    case "step_waiting":
      if (step.waiting !== undefined) say(`${event.step} waits twice`);
      step.waiting = { until: event.until };
      return;
    case "step_succeeded":
      if (event.attempt !== undefined)
        endAttempt(step, { ...event, attempt: event.attempt }, { ...at, end: "succeeded" });
      else if (step.attempts.length > 0) say(`${event.step} succeeds without an attempt`);
      if (step.waiting !== undefined && event.at < step.waiting.until)
        say(`${event.step} did not wait long enough`);
      step.selected = event.selected;
      step.end = { kind: event.kind, place, value: event.output };
      return;
    case "approval_requested":
      step.opened ??= place;
      return readRequest(step, event, at);
    case "approval_decided":
      return readDecision(step, event, at);
    case "call_settled":
      if (!step.unknownCalls.delete(event.call)) say(`call ${event.call} was not in question`);
      return;
    case "step_unknown":
      if (event.call === undefined) return readAttempt(step, event, at);
      if (step.attempts.at(-1)?.end !== "suspended") say(`call ${event.call} of an attempt that goes on`);
      step.unknownCalls.add(event.call);
      return;
    case "step_suspended":
    case "task_resent":
    case "attempt_started":
    case "attempt_failed":
    case "attempt_lost":
      return readAttempt(step, event, at);
    case "step_caught":
      step.failure = event.failure;
      if (event.output === undefined) return;
      step.selected = event.selected;
      step.end = { kind: event.kind, place, value: event.output };
      return;
    case "step_failed":
      step.failure = event.failure;
      step.end = { kind: event.kind, place, value: undefined };
      return;
    case "step_skipped":
    case "step_cancelled":
      step.end = { kind: event.kind, place, value: undefined };
  }
}

function readDispatch(step: StepFacts, event: Extract<RunEvent, { kind: "task_dispatched" }>, at: In): void {
  const { say, place, stored } = at;
  const last = step.attempts.at(-1);
  if (event.attempt !== (last?.attempt ?? 0) + 1)
    say(`attempt ${event.attempt} of ${event.step} out of order`);
  const goesOn =
    last === undefined ||
    last.end === "lost" ||
    last.end === "suspended" ||
    (last.end === "failed" && last.retry);
  if (!goesOn)
    say(`attempt ${event.attempt} of ${event.step} though the one before has not failed or got lost`);
  const command = stored.commit.commands.find(
    (one) => one.kind === "dispatch_task" && keyOf(one) === keyOf(event),
  );
  const dispatched = {
    place,
    atMs: stored.atMs,
    command: command?.kind === "dispatch_task" ? command : undefined,
  };
  step.opened ??= place;
  checkAnswered(step, { ...event, command: dispatched.command, approvals: at.approvals, say });
  step.attempts.push({
    attempt: event.attempt,
    dispatched,
    started: undefined,
    end: undefined,
    retry: false,
    endMs: 0,
  });
}

/** Nothing is sent before everybody who is asked has answered, nor anything else than what was approved. */
function checkAnswered(
  step: StepFacts,
  of: {
    readonly step: string;
    readonly command: DispatchTask | undefined;
    readonly approvals: readonly ApprovalFacts[];
    readonly say: (what: string) => void;
  },
): void {
  const { step: id, command, approvals, say } = of;
  if (step.openApprovals.size + step.unknownCalls.size > 0) say(`${id} is sent while people are asked`);
  const own = approvals.find((one) => one.step === id && one.call === undefined);
  if (own === undefined) return;
  if (step.approved === undefined) return say(`${id} is sent though nobody approved it`);
  const sent = command !== undefined && "inline" in command.with ? command.with.inline : undefined;
  if (JSON.stringify(sent) !== JSON.stringify(step.approved.input))
    say(`${id} is sent other than it was shown`);
}

function readRequest(
  step: StepFacts,
  event: Extract<RunEvent, { kind: "approval_requested" }>,
  { approvals, say }: In,
): void {
  const { step: id, n, call, hash, shown, expiresAt } = event;
  if (n !== approvals.length + 1) say(`approval ${n} of ${id} out of order`);
  if (call === undefined && step.attempts.length > 0) say(`${id} is asked for after it was sent`);
  if (call !== undefined && step.attempts.at(-1)?.end !== "suspended") say(`${id} asks while it goes on`);
  approvals.push({ step: id, call, hash, input: shown.input, expiresAt, decided: undefined });
  step.openApprovals.add(n);
}

function readDecision(
  step: StepFacts,
  event: Extract<RunEvent, { kind: "approval_decided" }>,
  { approvals, say }: In,
): void {
  const approval = approvals[event.n - 1];
  if (approval?.step !== event.step) return say(`approval ${event.n} is not of ${event.step}`);
  if (approval.decided !== undefined) say(`approval ${event.n} was decided twice`);
  if (event.how === "person" && event.at >= approval.expiresAt)
    say(`approval ${event.n} was decided too late`);
  if (event.how === "expired" && event.at < approval.expiresAt) say(`approval ${event.n} expired too early`);
  approval.decided = event;
  step.openApprovals.delete(event.n);
  if (approval.call === undefined && event.approved) step.approved = { input: approval.input };
}

type AttemptEvent = Extract<
  RunEvent,
  {
    kind:
      | "task_resent"
      | "attempt_started"
      | "attempt_failed"
      | "attempt_lost"
      | "step_unknown"
      | "step_suspended";
  }
>;

function readAttempt(
  step: StepFacts,
  event: AttemptEvent,
  at: Where & { say: (what: string) => void },
): void {
  switch (event.kind) {
    case "task_resent":
    case "attempt_started": {
      const attempt = step.attempts.at(-1);
      if (attempt?.attempt !== event.attempt || attempt.end !== undefined)
        return at.say(`no open attempt ${event.attempt}`);
      if (event.kind === "task_resent") return;
      if (attempt.started !== undefined) at.say(`attempt ${event.attempt} began twice`);
      attempt.started = event.worker;
      return;
    }
    case "attempt_failed":
      return endAttempt(step, event, { ...at, end: "failed", retry: event.retryAt !== undefined });
    case "attempt_lost":
      return endAttempt(step, event, { ...at, end: "lost" });
    case "step_suspended":
      return endAttempt(step, event, { ...at, end: "suspended" });
    case "step_unknown":
      return endAttempt(step, event, { ...at, end: "unknown" });
  }
}

function endAttempt(
  step: StepFacts,
  { attempt, step: id }: { attempt: number; step: string },
  at: Where & { say: (what: string) => void; end: NonNullable<AttemptFacts["end"]>; retry?: boolean },
): void {
  const open = step.attempts.at(-1);
  if (open?.attempt !== attempt) return at.say(`attempt ${attempt} of ${id} is not the newest`);
  // What nobody knew may become known: from the worker after all, or from a person.
  if (open.end !== undefined && open.end !== "unknown") at.say(`attempt ${attempt} of ${id} ended twice`);
  open.end = at.end;
  open.retry = at.retry ?? false;
  open.endMs = at.stored.atMs;
}

function stepOf(history: History, id: string): StepFacts {
  const known = history.steps.get(id);
  if (known !== undefined) return known;
  const made: StepFacts = {
    attempts: [],
    end: undefined,
    waiting: undefined,
    expanded: undefined,
    failure: undefined,
    selected: undefined,
    opened: undefined,
    openApprovals: new Set(),
    unknownCalls: new Set(),
    approved: undefined,
  };
  history.steps.set(id, made);
  return made;
}
